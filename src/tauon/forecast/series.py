"""One series of counts or amounts, a value a minute: its level over three memories, and how days went before."""

from __future__ import annotations

import math
from array import array

STEP_S = 60
SLOT = 10  # minutes that the memory of days keeps as one
_SLOTS_A_DAY = 24 * 60 // SLOT
DAYS = 8
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_NONE = math.nan

# How much of the way to a new value each level goes: memories of about 2, 12 and 60 minutes.
FAST, SLOW, STEADY = 0.35, 0.08, 1.0 / 60.0

# A sudden nothing where so much a minute was usual is an outage of whoever counts, for so many minutes.
SUDDEN = 10.0
OUTAGE_MINUTES = 15

# A spike so many times what is usual is followed at once, but the memory of days keeps no more than this of it.
KEPT_OF_A_SPIKE = 8.0


class Series:
    """Minutes are counted from the epoch. What is missing is passed over: it is no load, and no absence of it."""

    __slots__ = (
        "_days",
        "_silence",
        "_slot",
        "_slot_count",
        "_slot_sum",
        "fast",
        "last",
        "minute",
        "seen",
        "slow",
        "steady",
    )

    def __init__(self) -> None:
        self.minute = -1  # the last that is over
        self.seen = 0  # how many had a value
        self.last = 0.0
        self.fast = self.slow = self.steady = 0.0
        self._days = array("f", [_NONE]) * (_SLOTS_A_DAY * DAYS)
        self._slot = -1
        self._slot_sum = self._slot_count = 0.0
        self._silence = 0

    def put(self, minute: int, value: float | None) -> float | None:
        """Take the value of a minute; returns it, or None where it is missing or taken for missing.

        A minute that is not after the last one (a clock was set back) is passed over.
        """
        if minute <= self.minute:
            return None
        self._begin(minute)
        self.minute = minute
        if value is None or not 0.0 <= value < math.inf:
            return None
        if value == 0.0 and self.slow >= SUDDEN and self._silence < OUTAGE_MINUTES:
            self._silence += 1
            return None
        self._silence = 0
        self._learn(value)
        return value

    def _begin(self, minute: int) -> None:
        slot = minute // SLOT
        if slot == self._slot:
            return
        size = len(self._days)
        if self._slot >= 0:
            self._days[self._slot % size] = self._slot_sum / self._slot_count if self._slot_count else _NONE
            for missed in range(self._slot + 1, min(slot, self._slot + 1 + size)):
                self._days[missed % size] = _NONE
        self._slot, self._slot_sum, self._slot_count = slot, 0.0, 0.0

    def _learn(self, value: float) -> None:
        self.last = value
        self.seen += 1
        # The first values are averaged, so that the very first does not count for more than those after it.
        young = 1.0 / self.seen
        self.fast += (value - self.fast) * (young if young > FAST else FAST)
        self.slow += (value - self.slow) * (young if young > SLOW else SLOW)
        usual = KEPT_OF_A_SPIKE * (self.steady + 1.0) if self.seen > 60 else math.inf
        self.steady += ((value if value < usual else usual) - self.steady) * (young if young > STEADY else STEADY)
        self._slot_sum += value if value < usual else usual
        self._slot_count += 1.0

    def before(self, minute: int, ago: int) -> float | None:
        """What was usual around a minute, so many minutes before it: between the two slots whose middles are nearest."""
        at = minute - ago
        first, rest = divmod(at * 2 - SLOT + 1, 2 * SLOT)
        low, high = self._slot_value(first), self._slot_value(first + 1)
        if low is None or high is None:
            return low if high is None else high
        return low + (high - low) * (rest / (2 * SLOT))

    def _slot_value(self, slot: int) -> float | None:
        if not self._slot - len(self._days) < slot < self._slot:
            return None
        value = self._days[slot % len(self._days)]
        return None if value != value else value

    def a_day_before(self, minute: int) -> float | None:
        """What was usual a day before a minute, and two days before where that is known."""
        one, two = self.before(minute, _DAY), self.before(minute, 2 * _DAY)
        if one is None or two is None:
            return two if one is None else one
        return (2.0 * one + two) / 3.0

    def a_week_before(self, minute: int) -> float | None:
        return self.before(minute, _WEEK)
