"""Where a budget is heading: what will be spent by the end of its period, when it will be spent, and what to warn of."""

from __future__ import annotations

import enum

import msgspec

from tauon.model.budget import Budget, Spent
from tauon.model.money import HOUR_US

LOOK_BACK_US = 7 * 24 * HOUR_US


class Outcome(enum.StrEnum):
    """How a budget stands."""

    WITHIN = "within"
    AHEAD = "ahead"  # it will be spent before its period ends
    SPENT = "spent"


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of a budget: spent now, and expected by the end of the period; when it is expected to be spent, in
    microseconds, or None if not in this period."""

    share: float
    share_at_end: float
    breach_us: int | None

    @property
    def outcome(self) -> Outcome:
        if self.share >= 1:
            return Outcome.SPENT
        return Outcome.WITHIN if self.breach_us is None else Outcome.AHEAD


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast it was spent of late: atoms of money and thousandths of accelerators, each a microsecond, on average."""

    atoms_per_us: float = 0.0
    milli: float = 0.0


def look_back_us(budget: Budget, at_us: int) -> int:
    """How far back to look for the pace: a week, and no more than two periods."""
    period_us = budget.period.end_us(at_us) - budget.period.begin_us(at_us)
    return min(LOOK_BACK_US, 2 * period_us)


def outlook(budget: Budget, spent: Spent, pace: Pace, at_us: int) -> Outlook:
    """Where a budget is heading if it goes on at this pace."""
    end_us = budget.period.end_us(at_us)
    share = budget.share(spent)
    per_us = _share_per_us(budget, pace)
    at_end = share + per_us * (end_us - at_us)
    breach_us: int | None = None
    if share >= 1:
        breach_us = at_us
    elif at_end >= 1 and per_us > 0:
        breach_us = at_us + round((1 - share) / per_us)
    return Outlook(share=share, share_at_end=at_end, breach_us=breach_us)


def _share_per_us(budget: Budget, pace: Pace) -> float:
    """By the budget's own reckoning: what a second of this pace makes of it."""
    second = Spent(
        period=budget.period,
        at_us=0,
        atoms=round(pace.atoms_per_us * 1_000_000),
        milli_us=round(pace.milli * 1_000_000),
    )
    return budget.share(second) / 1_000_000 if budget.micro_usd or budget.accelerator_milli_h else 0.0


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold that was passed: of what is spent, or of what is expected."""

    is_forecast: bool
    threshold: float


def crossings(budget: Budget, found: Outlook) -> list[Crossing]:
    """The thresholds that are passed now, the highest of each kind only: whoever hears 100 % needs no 80 %."""
    actual = [one for one in budget.warn_at if found.share >= one]
    expected = [one for one in budget.warn_forecast if found.share_at_end >= one and found.share < one]
    passed = [Crossing(is_forecast=False, threshold=actual[-1])] if actual else []
    return passed + ([Crossing(is_forecast=True, threshold=expected[-1])] if expected else [])
