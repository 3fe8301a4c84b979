"""How good predictions were: losses of the latest, beside those of a rule that anybody could have used instead."""

from __future__ import annotations

from typing import NamedTuple

LATEST = 500.0


class Errors(NamedTuple):
    """Averages over the latest predictions that came due, `jobs` of them in all.

    `ratio` is how many times too long or too short a median was, typically. `coverage` is the share of what ended
    within its 90 % quantile. `skill` is the part of the naive rule's pinball loss that is saved: 0 is no better than
    it, 1 is perfect.
    """

    jobs: int
    ratio: float
    coverage: float
    skill: float


def pinball(actual: float, predicted: float, q: float) -> float:
    """The loss that the true quantile makes smallest, on average (Koenker and Bassett 1978)."""
    over = actual - predicted
    return q * over if over >= 0.0 else (q - 1.0) * over


class Rolling:
    """An average of what came last: of all while there are few, then of about the `LATEST`."""

    __slots__ = ("count", "value")

    def __init__(self) -> None:
        self.count = 0
        self.value = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.value += (value - self.value) / (self.count if self.count < LATEST else LATEST)
