"""The budgets as they are shown: what is spent, where it is heading, and the thresholds that are passed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from tauon.economics.budget import Crossing, Pace, crossings, look_back_us, outlook
from tauon.model.budget import Budget, Spent
from tauon.model.cluster import Cluster
from tauon.model.ids import QueueName
from tauon.model.ledger import EntryKind
from tauon.model.money import HOUR_US, Money
from tauon.model.queue import path
from tauon.model.resources import MILLI
from tauon.planner.spent import budgets
from tauon.ports.ledger import Group, Ledger, Window
from tauon.service.views import BudgetView, moment


async def budget_views(ledger: Ledger, cluster: Cluster, now_us: int) -> list[BudgetView]:
    """All budgets, by queue; the pace is that of the last week, or of the last two periods if that is shorter."""
    found = [(queue.name, budget, spent) for queue, budget, spent, _ in budgets(cluster, now_us)]
    if not found:
        return []
    spans = {look_back_us(budget, now_us) for _, budget, _ in found}

    def ask() -> dict[int, list[Group]]:
        ledger.catch_up()
        first_us = ledger.begins_us(now_us)
        begins = {span: max(first_us, now_us - span) for span in spans}
        return {
            span: _per_us(ledger.sums("queue", {}, Window(from_us=begin, to_us=now_us)), now_us - begin)
            for span, begin in begins.items()
        }

    sums = await asyncio.to_thread(ask)
    views = [
        _view(name, budget, spent, _pace(sums[look_back_us(budget, now_us)], name), now_us)
        for name, budget, spent in found
    ]
    return sorted(views, key=lambda view: (view.queue, view.begins_at))


def _per_us(groups: Iterable[Group], span_us: int) -> list[Group]:
    """Sums of work, as what they were a second: small whole numbers lose nothing that a forecast could tell."""
    seconds = max(1, span_us // 1_000_000)
    return [
        Group(kind=g.kind, key=g.key, atoms=g.atoms // seconds, accelerator_milli_us=g.accelerator_milli_us // seconds)
        for g in groups
        if g.kind is EntryKind.WORK
    ]


def _pace(per_second: Iterable[Group], name: QueueName) -> Pace:
    own = [group for group in per_second if name in path(QueueName(group.key))]
    return Pace(
        atoms_per_us=sum(group.atoms for group in own) / 1_000_000,
        milli=sum(group.accelerator_milli_us for group in own) / 1_000_000,
    )


def _view(name: QueueName, budget: Budget, spent: Spent, pace: Pace, now_us: int) -> BudgetView:
    found = outlook(budget, spent, pace, now_us)
    is_money = budget.micro_usd is not None
    amount = Money.of_micro_usd(budget.micro_usd or 0).usd if is_money else _hours(budget.accelerator_milli_h or 0)
    return BudgetView(
        queue=name,
        period=budget.period.value,
        unit="usd" if is_money else "accelerator-hours",
        amount=amount,
        spent=Money(spent.atoms).usd if is_money else _hours(spent.milli_us / HOUR_US),
        share=found.share,
        expected=round(amount * Decimal(found.share_at_end), 2),
        expected_share=found.share_at_end,
        outcome=found.outcome.value,
        hard=budget.hard,
        stop=budget.stop,
        begins_at=moment(budget.period.begin_us(now_us)),
        ends_at=moment(budget.period.end_us(now_us)),
        breach_at=None if found.breach_us is None else moment(found.breach_us),
        passed=[
            f"{'forecast' if one.is_forecast else 'actual'} {one.threshold:.0%}" for one in crossings(budget, found)
        ],
        warnings=[_text(name, budget, spent, crossing) for crossing in crossings(budget, found)],
    )


def _hours(milli_h: float) -> Decimal:
    return round(Decimal(milli_h) / MILLI, 3)


def _text(name: QueueName, budget: Budget, spent: Spent, crossing: Crossing) -> str:
    what = "is expected to spend" if crossing.is_forecast else "has spent"
    return f"queue {name} {what} {crossing.threshold:.0%} of its budget: {budget.text(spent)}"
