"""Budgets as they are shown: amounts, shares, the pace of late, and the day on which nothing will be left."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tauon.economics.budget import Crossing, Outlook, Pace, crossings, outlook
from tauon.economics.folded import FoldedLedger
from tauon.model.budget import Budget, Period, Spent
from tauon.model.cluster import Cluster
from tauon.model.errors import ConfigError
from tauon.model.event import Event, Fact, NodeReady, PoolConfigured, QueueConfigured
from tauon.model.money import HOUR_US, Money
from tauon.service.budgets import budget_views
from tauon.service.config_file import read_config
from tauon.service.views import moment
from tests.builders import START_US, a_job, a_node, a_pool, a_queue, a_request, a_run, an_attempt

pytestmark = pytest.mark.anyio


def a_story(*budgets: Budget) -> tuple[FoldedLedger, Cluster]:
    """A job on one H100 at $2 runs from the start, in a queue below the one with the budgets."""
    job = a_job(request=a_request(gpus=1, cpu=0, memory_mib=0), queue="team/a")
    queues = (a_queue(), a_queue("team", budgets=budgets))
    facts: list[Fact] = [
        PoolConfigured(pool=a_pool()),
        *(QueueConfigured(queue=q) for q in queues),
        NodeReady(node=a_node()),
    ]
    events = [Event(seq=i, at_us=START_US, fact=f) for i, f in enumerate([*facts, *a_run(job, an_attempt(job))], 1)]
    cluster = Cluster()
    for event in events:
        cluster.apply(event)
    return FoldedLedger(lambda after: events[after:]), cluster


async def test_a_budget_tells_where_it_is_heading() -> None:
    month = Budget(period=Period.MONTH, micro_usd=1_000_000_000, hard=True)
    hours = Budget(period=Period.WEEK, accelerator_milli_h=500_000)
    ledger, cluster = a_story(month, hours)
    now_us = START_US + 100 * HOUR_US
    by_period = {view.period: view for view in await budget_views(ledger, cluster, now_us)}
    view = by_period["month"]
    assert (view.spent, view.outcome) == (Decimal(200), "ahead")
    assert view.share == pytest.approx(0.2)
    assert view.expected == Decimal(2 * 31 * 24)
    assert view.breach_at == moment(START_US + 500 * HOUR_US)
    assert view.warnings == ["queue team is expected to spend 100% of its budget: $200.00 of $1,000.00 this month"]
    week = by_period["week"]
    assert (week.unit, week.amount) == ("accelerator-hours", Decimal(500))
    assert (week.outcome, week.breach_at, week.warnings) == ("within", None, [])


async def test_what_is_spent_is_told_as_such() -> None:
    ledger, cluster = a_story(Budget(period=Period.DAY, micro_usd=10_000_000))
    (view,) = await budget_views(ledger, cluster, START_US + 5 * HOUR_US)
    assert view.outcome == "spent"
    assert view.breach_at == moment(START_US + 5 * HOUR_US)
    assert view.warnings == ["queue team has spent 100% of its budget: $10.00 of $10.00 this day"]


async def test_without_budgets_nothing_is_asked() -> None:
    ledger, cluster = a_story()
    assert await budget_views(ledger, cluster, START_US) == []


async def test_only_the_highest_threshold_of_each_kind_is_told() -> None:
    budget = Budget(period=Period.DAY, micro_usd=1, warn_at=(0.5, 0.8, 1.0), warn_forecast=(1.0, 1.5))
    assert crossings(budget, Outlook(share=0.4, share_at_end=0.9, breach_us=None)) == []
    assert crossings(budget, Outlook(share=0.85, share_at_end=2.0, breach_us=1)) == [
        Crossing(is_forecast=False, threshold=0.8),
        Crossing(is_forecast=True, threshold=1.5),
    ]
    assert crossings(budget, Outlook(share=1.2, share_at_end=2.0, breach_us=1))[0].threshold == 1.0


async def test_an_empty_budget_is_spent_by_the_first_cent() -> None:
    budget = Budget(period=Period.DAY, micro_usd=0)
    nothing = Spent(period=Period.DAY, at_us=START_US)
    assert outlook(budget, nothing, Pace(), START_US).share == 0
    cent = Spent(period=Period.DAY, at_us=START_US, atoms=Money.of_micro_usd(10_000).atoms)
    assert outlook(budget, cent, Pace(), START_US).outcome == "spent"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{period: month}", "either of `usd` or of `gpu_hours`"),
        ("{usd: 1, gpu_hours: 1}", "either of `usd` or of `gpu_hours`"),
        ("{usd: 1, stop: yes}", "`stop` is for a budget that is `hard`"),
        ("{usd: 1, period: fortnight}", "period"),
        ("{usd: -1}", "usd"),
        ("{usd: 1, warn_at: [0]}", "warn_at"),
    ],
)
async def test_a_wrong_budget_is_named_with_its_place(tmp_path: object, text: str, said: str) -> None:
    path = tmp_path / "tauon.yaml"  # type: ignore[operator]
    path.write_text(f"queues:\n  - {{name: team, budgets: [{text}]}}\n")
    with pytest.raises(ConfigError, match=r"tauon\.yaml:2") as caught:
        read_config(path)
    assert said in str(caught.value)


async def test_a_budget_as_people_write_it(tmp_path: object) -> None:
    path = tmp_path / "tauon.yaml"  # type: ignore[operator]
    path.write_text(
        "queues:\n  - name: team\n    budgets:\n"
        "      - {period: month, usd: 50000, hard: yes, warn_at: [1, 0.9]}\n      - {period: day, gpu_hours: 12.5}\n"
    )
    queue = next(q for q in read_config(path).queue_nouns().values() if q.name == "team")
    assert queue.budgets == (
        Budget(period=Period.MONTH, micro_usd=50_000_000_000, hard=True, warn_at=(0.9, 1)),
        Budget(period=Period.DAY, accelerator_milli_h=12_500),
    )
