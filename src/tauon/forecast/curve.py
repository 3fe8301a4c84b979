"""How long work of one kind still runs, given for how long it has: a curve of hazards over buckets of time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

# Four buckets for each doubling, from a second to most of a year. Made by multiplication alone, which IEEE 754 rounds
# in one way, so that the same history gives the same decisions on every machine.
_FOURTH_ROOT_OF_2 = 1.189207115002721
LONGEST_S = 2e7


def _edges() -> tuple[float, ...]:
    edges = [0.0, 1.0]
    while edges[-1] < LONGEST_S:
        edges.append(edges[-1] * _FOURTH_ROOT_OF_2)
    return tuple(edges)


EDGES = _edges()
BUCKETS = len(EDGES)
_WIDTHS = tuple(b - a for a, b in pairwise(EDGES))

# The first minute is one step, and then each doubling.
_STEPS = (0, *range(25, BUCKETS, 4))
FIRST_STEP_S = EDGES[25]

# -ln(1 - q) as literals, for a logarithm may differ in its last bit between two machines.
_NEEDED = {0.1: 0.10536051565782628, 0.5: 0.6931471805599453, 0.9: 2.302585092994046}


def bucket_of(seconds: float) -> int:
    """The bucket that a time lies in."""
    return max(0, bisect_right(EDGES, seconds) - 1)


def step_of(seconds: float) -> tuple[int, float]:
    """The bucket at which the step begins that a time lies in, and the seconds at which the next one does.

    Steps are coarser than buckets, so that what is worked out for one holds for a while.
    """
    at = bisect_right(_STEPS, bucket_of(seconds)) - 1
    return _STEPS[at], EDGES[_STEPS[at + 1]] if at + 1 < len(_STEPS) else math.inf


def width_of(bucket: int) -> float:
    """Seconds that a bucket spans; the last one is open."""
    return _WIDTHS[bucket] if bucket < BUCKETS - 1 else math.inf


def kept(x: float) -> float:
    """What is left of one after a cumulative hazard of `x`: exp(-x) within 1 % up to x = 3, in operations that every
    machine rounds alike."""
    x *= 0.25
    fourth = 1.0 / (1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x / 24.0))))
    half = fourth * fourth
    return half * half


class Curve:
    """`hazards` are completions per second of running, one for each bucket; within a bucket the hazard is constant.

    `reach` is the last bucket that enough work has been seen to run beyond.
    """

    __slots__ = ("_cumulative", "_paces", "hazards", "reach")

    def __init__(self, hazards: Sequence[float], reach: int = BUCKETS - 1) -> None:
        self.hazards = hazards
        self.reach = reach
        cumulative = [0.0]
        for hazard, width in zip(hazards, _WIDTHS, strict=False):
            cumulative.append(cumulative[-1] + hazard * width)
        self._cumulative = cumulative
        self._paces: dict[int, float] = {}

    def remaining_s(self, q: float, ran_s: float = 0.0) -> float:
        """Seconds within which a share `q` of such work ends, of that which has run for `ran_s`."""
        needed = _NEEDED[q] if q in _NEEDED else -math.log1p(-q)
        at = bucket_of(ran_s)
        target = self._cumulative[at] + self.hazards[at] * (ran_s - EDGES[at]) + needed
        # Where the target lies in the bucket of `ran_s` itself, the search ends there too.
        end = max(at, bisect_right(self._cumulative, target) - 1)
        return max(0.0, EDGES[end] + (target - self._cumulative[end]) / self.hazards[end] - ran_s)

    def chance_within(self, seconds: float, ran_s: float = 0.0) -> float:
        """The share of such work, of that which has run for `ran_s`, that ends within `seconds` more."""
        return -math.expm1(self._hazard_to(ran_s) - self._hazard_to(ran_s + seconds))

    def _hazard_to(self, seconds: float) -> float:
        at = bucket_of(seconds)
        return self._cumulative[at] + self.hazards[at] * (seconds - EDGES[at])

    def completions_per_s(self, bucket: int) -> float:
        """Gittins' index of work that has run to the start of a bucket: the best ratio of the chance that it completes
        to the time that this takes, over all moments at which it could be stopped (Gittins 1979, for the hazards here).

        Beyond the reach of what has been seen it falls no further: that nobody is known to have run so long does not
        make the work longer.
        """
        found = self._paces.get(bucket)
        if found is None:
            found = self._index(bucket)
            if bucket > self.reach:
                found = max(found, self.completions_per_s(bucket - 1))
            self._paces[bucket] = found
        return found

    def _index(self, bucket: int) -> float:
        alive, spent, best = 1.0, 0.0, 0.0
        for at in range(bucket, BUCKETS - 1):
            hazard, width = self.hazards[at], _WIDTHS[at]
            left = alive * kept(hazard * width)
            spent += (alive - left) / hazard if hazard * width > 1e-9 else alive * width
            alive = left
            ratio = (1.0 - alive) / spent
            if ratio > best:
                best = ratio
        return best or self.hazards[-1]
