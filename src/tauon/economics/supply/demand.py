"""The demand to come, from that of the past: its level uncertain, its shape as it was, cut into blocks of a duration curve."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tauon.economics.supply.market import Demand

Hours = NDArray[np.float64]

LEVELS = 21
GROWTH_MIN, GROWTH_MAX = 0.05, 0.3
PERIODS = 4


def growth_of(demand: Demand) -> float:
    """How uncertain the level to come is: what was said, else how the past's own level moved.

    The past is cut into quarters; the root mean square of the logarithmic steps between their means is the estimate,
    kept within bounds, for four quarters are few.
    """
    if demand.growth is not None:
        return demand.growth
    means = [float(np.mean(part)) for part in np.array_split(np.asarray(demand.hourly), PERIODS) if part.size]
    steps = [math.log(b / a) for a, b in pairwise(means) if a > 0 and b > 0]
    if not steps:
        return GROWTH_MAX
    return min(GROWTH_MAX, max(GROWTH_MIN, math.sqrt(sum(s * s for s in steps) / len(steps))))


def levels(growth: float) -> list[float]:
    """Equally likely factors of the level: the middles of equal shares of a lognormal distribution of median 1."""
    normal = NormalDist()
    return [math.exp(growth * normal.inv_cdf((i + 0.5) / LEVELS)) for i in range(LEVELS)]


def predicted(demand: Demand) -> Hours:
    """Equally likely amounts of an hour to come: every hour of the past at every level."""
    past = np.asarray(demand.hourly, dtype=np.float64)
    return np.concatenate([past * level for level in levels(growth_of(demand))])


def duration_curve(amounts: Hours, blocks: int) -> tuple[Hours, Hours]:
    """Amounts in `blocks` steps, the highest first, and the share of time of each.

    Within a block the mean stands for all. Steps are equal in height rather than in length, so that a short peak keeps
    its own; 100 of them give the cost of 8,760 single hours to four digits.
    """
    ordered = np.sort(amounts)[::-1]
    count = len(ordered)
    half = np.linspace(ordered[-1], ordered[0], blocks // 2 + 1)
    by_height = count - np.searchsorted(ordered[::-1], half, side="left")
    by_length = np.linspace(0, count, blocks - blocks // 2 + 1).round()
    edges = np.unique(np.concatenate([[0, count], by_height, by_length])).astype(np.int64)
    sums = np.add.reduceat(ordered, edges[:-1])
    sizes = np.diff(edges)
    return sums / sizes, sizes / count


def quantile(amounts: Hours, share: float) -> float:
    """The amount that is exceeded in `1 - share` of all hours."""
    return float(np.quantile(amounts, share))
