"""A budget of a queue: so much money or so many accelerator-hours in each period, and what of it is spent."""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta

import msgspec

from tauon.model.money import HOUR_US, Money

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


class Period(enum.StrEnum):
    """How long a budget lasts before it begins anew; by the calendar, in UTC. Weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    def begin_us(self, at_us: int) -> int:
        """When the period began in which a moment lies."""
        at = _EPOCH + at_us * _US
        begin = at.replace(minute=0, second=0, microsecond=0)
        if self is not Period.HOUR:
            begin = begin.replace(hour=0)
        match self:
            case Period.HOUR | Period.DAY:
                pass
            case Period.WEEK:
                begin -= timedelta(days=begin.weekday())
            case Period.MONTH:
                begin = begin.replace(day=1)
            case Period.QUARTER:
                begin = begin.replace(day=1, month=(begin.month - 1) // 3 * 3 + 1)
            case Period.YEAR:
                begin = begin.replace(day=1, month=1)
        return (begin - _EPOCH) // _US

    def end_us(self, at_us: int) -> int:
        """When it ends: the next one begins."""
        longest = {"hour": 1, "day": 24, "week": 168, "month": 31 * 24, "quarter": 92 * 24, "year": 366 * 24}
        return self.begin_us(self.begin_us(at_us) + longest[self.value] * HOUR_US)


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue, with all below it, may spend in a period: in micro-dollars, or in thousandths of accelerator-hours.

    A `hard` one lets nothing start once it is spent, and with `stop` what runs is stopped then; else it only warns. `warn_at` and
    `warn_forecast` are shares of it: of what is spent, and of what is expected to be by the end of the period.
    """

    period: Period
    micro_usd: int | None = None
    accelerator_milli_h: int | None = None
    hard: bool = False
    stop: bool = False
    warn_at: tuple[float, ...] = (0.5, 0.8, 1.0)
    warn_forecast: tuple[float, ...] = (1.0,)

    def share(self, spent: Spent) -> float:
        """How much of it is spent: 1 is all."""
        used, most = self._amounts(spent)
        return used / most if most else float(used > 0)

    def is_spent(self, spent: Spent) -> bool:
        """Whether nothing is left, exactly."""
        used, most = self._amounts(spent)
        return used >= most

    def _amounts(self, spent: Spent) -> tuple[int, int]:
        if self.micro_usd is not None:
            return spent.atoms, Money.of_micro_usd(self.micro_usd).atoms
        return spent.milli_us, (self.accelerator_milli_h or 0) * HOUR_US

    def left_us(self, spent: Spent, atoms_per_h: int, milli: int) -> int | None:
        """How long it lasts at a rate of spending, in microseconds; None: for ever."""
        used, most = self._amounts(spent)
        rate = atoms_per_h // HOUR_US if self.micro_usd is not None else milli
        return None if rate <= 0 else max(0, -(-(most - used) // rate))

    def text(self, spent: Spent) -> str:
        """`$420.00 of $400.00 this month`."""
        if self.micro_usd is not None:
            return f"{Money(spent.atoms)} of {Money.of_micro_usd(self.micro_usd)} this {self.period}"
        hours, most = spent.milli_us / 1000 / HOUR_US, (self.accelerator_milli_h or 0) / 1000
        return f"{hours:,.1f} of {most:,.1f} accelerator-hours this {self.period}"


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue with all below it has spent since its period began, up to a time: exact atoms of money, and
    thousandths of accelerators times microseconds."""

    period: Period
    at_us: int
    atoms: int = 0
    milli_us: int = 0

    def until(self, at_us: int, atoms_per_h: int, milli: int) -> Spent:
        """The same at a later time, if it was spent at this rate all the while; a new period begins with nothing."""
        if at_us <= self.at_us:
            return self
        begin_us = self.period.begin_us(at_us)
        is_new = begin_us > self.at_us
        span_us = at_us - max(begin_us, self.at_us)
        return Spent(
            period=self.period,
            at_us=at_us,
            atoms=(0 if is_new else self.atoms) + atoms_per_h // HOUR_US * span_us,
            milli_us=(0 if is_new else self.milli_us) + milli * span_us,
        )
