"""Which of the nodes that could hold a worker gets it: the rule that leaves the most usable rest, and known baselines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from tauon.model.demand import Typical
from tauon.model.packing import PackingRule
from tauon.model.resources import MILLI, Resources
from tauon.model.room import Level
from tauon.model.terrain import Terrain

Score = tuple[Any, ...]  # numbers, and what only breaks ties; the smaller the better
NO_SCORE: Score = (math.inf,)  # it does not fit
KNOWN_SIZES = 1 << 12
KNOWN_LEVELS = 1 << 15


class Largest(NamedTuple):
    """The most that any node has of each, to measure others by."""

    accelerator_milli: int
    cpu_milli: int


class Rule(Protocol):
    """How places are compared."""

    def loss(self, share: int, milli: int) -> int:
        """What giving `milli` of an accelerator of which `share` is free loses; the least comes before any score."""
        ...

    def score(self, before: Level, after: Level) -> Score:
        """How bad a node is that would be left like this; what comes last in it only breaks ties."""
        ...

    def least(self, want: Resources) -> float:
        """No score begins with less than this."""
        ...


class Scores(dict[Level, Score]):
    """How good the levels are for a size, worked out when they are first asked for. Accelerators that are given in part
    already come before whole ones that are as good; the last part is the level itself, so that no two tie."""

    __slots__ = ("_rule", "_share", "_want", "least")

    def __init__(self, rule: Rule, want: Resources, share: int) -> None:
        super().__init__()
        self._rule = rule
        self._want = want
        self._share = share  # what is free of the accelerator that gives a part
        self.least = rule.least(want)

    def __missing__(self, level: Level) -> Score:
        after = rest(level, self._want, self._share)
        score = NO_SCORE
        if after is not None:
            first, *others = self._rule.score(level, after)
            score = (first, self._share, *others, level)
        if len(self) >= KNOWN_LEVELS:
            self.clear()
        self[level] = score
        return score


class Packing:
    """A rule, and what is known by it already: equal nodes share one score."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._scores: dict[tuple[Resources, int], Scores] = {}

    def scores(self, want: Resources, share: int = 0) -> Scores:
        """The scores for a size; for a part of an accelerator, where it gets one of which `share` is free."""
        scores = self._scores.get((want, share))
        if scores is None:
            if len(self._scores) >= KNOWN_SIZES:
                self._scores.clear()
            scores = self._scores[want, share] = Scores(self.rule, want, share)
        return scores


def rest(level: Level, want: Resources, share: int = 0) -> Level | None:
    """What a node at this level has left once it gave this; None where it can't. A part of an accelerator comes from one
    of which `share` is free."""
    cpu_milli = level.cpu_milli - want.cpu_milli
    memory_mib = level.memory_mib - want.memory_mib
    disk_mib = level.disk_mib - want.disk_mib
    if cpu_milli < 0 or memory_mib < 0 or disk_mib < 0:
        return None
    whole, shares = level.whole, level.shares
    if not share:
        whole -= want.accelerator_milli // MILLI
        return None if whole < 0 else Level(whole, cpu_milli, memory_mib, disk_mib, shares)
    if share == MILLI:
        whole -= 1
        left = list(shares)
    else:
        left = list(shares)
        left.remove(share)
    if share > want.accelerator_milli:
        left.append(share - want.accelerator_milli)
    return Level(whole, cpu_milli, memory_mib, disk_mib, tuple(sorted(left)))


# --------------------------------------------------------------------- ours


class Tightest:
    """Where nothing is known of what is asked for: the fewest accelerators left, then the least of all else."""

    def loss(self, share: int, milli: int) -> int:
        return share - milli

    def score(self, before: Level, after: Level) -> Score:
        del before
        return after.accelerator_milli, after.cpu_milli, after.memory_mib

    def least(self, want: Resources) -> float:
        del want
        return -math.inf


class LeastStranded:
    """Tauon's own: shares where they fit together; then where the fewest accelerators lose the cores and memory that
    they need; then where the fewest whole accelerators are left, so that large ones stay together.

    Accelerators are stranded as far as there are more of them free on a node than the cores or the memory beside them
    would serve at what an accelerator typically takes along. What a share is worth is a dual feasible function (Fekete
    and Schepers, "New classes of fast lower bounds for bin packing problems", 2001): u(x) = x where (k + 1) x is whole,
    else floor((k + 1) x) / k, for the k that makes the typical mix of shares worth most; what is free of an accelerator
    is worth the best mix of shares that fits into it. Giving a share loses what the free part's worth drops by.
    """

    def __init__(self, typical: Typical, largest: Largest) -> None:
        del largest
        sizes = most_of(typical)
        some = [(size, count) for size, count in sizes if size.accelerator_milli]
        milli = sum(size.accelerator_milli * count for size, count in some)
        units = milli or MILLI * sum(count for _, count in sizes)
        counted = some or sizes
        # What one thousandth of an accelerator takes along; where nobody asks for any, of one worker.
        self._cpu_milli = sum(size.cpu_milli * count for size, count in counted) / units if units else 0.0
        self._memory_mib = sum(size.memory_mib * count for size, count in counted) / units if units else 0.0
        shares: dict[int, int] = {}
        for size, count in some:
            if size.accelerator_milli < MILLI:
                shares[size.accelerator_milli] = shares.get(size.accelerator_milli, 0) + count
        self._worth = worth_of_shares(shares)

    def loss(self, share: int, milli: int) -> int:
        return round(self._worth[share] - self._worth[share - milli])

    def _stranded(self, level: Level) -> float:
        """Thousandths of accelerators that are free on a node and can't be served by its cores and memory."""
        free = level.accelerator_milli
        served = float(free)
        if self._cpu_milli:
            served = min(served, level.cpu_milli / self._cpu_milli)
        if self._memory_mib:
            served = min(served, level.memory_mib / self._memory_mib)
        return free - served

    def score(self, before: Level, after: Level) -> Score:
        beside = after.cpu_milli / self._cpu_milli if self._cpu_milli else 0.0
        beside += after.memory_mib / self._memory_mib if self._memory_mib else 0.0
        return round(self._stranded(after) - self._stranded(before)), after.whole, beside

    def least(self, want: Resources) -> float:
        gain = 0.0
        if self._cpu_milli:
            gain = max(gain, want.accelerator_milli - want.cpu_milli / self._cpu_milli)
        if self._memory_mib:
            gain = max(gain, want.accelerator_milli - want.memory_mib / self._memory_mib)
        return round(-gain)


def most_of(typical: Typical, share: float = 0.95) -> list[tuple[Resources, int]]:
    """The most frequent sizes that make up this share of all."""
    found: list[tuple[Resources, int]] = []
    left = share * sum(count for _, count in typical.sizes)
    for size, count in typical.sizes:
        if left <= 0:
            break
        found.append((size, count))
        left -= count
    return found


def worth_of_shares(counts: Mapping[int, int]) -> tuple[float, ...]:
    """What each free part of an accelerator, from 0 to 1,000 thousandths, is worth to this mix of shares."""
    if not counts:
        return tuple(map(float, range(MILLI + 1)))
    values = [_dual(k, counts) for k in range(1, 12)]
    value = max(values, key=lambda of: sum(counts[share] * of[share] for share in counts))
    worth = [0.0]
    for free in range(1, MILLI + 1):
        filled = (value[share] + worth[free - share] for share in counts if share <= free)
        worth.append(max(worth[-1], max(filled, default=0.0)))
    return tuple(worth)


def _dual(k: int, shares: Iterable[int]) -> dict[int, float]:
    return {x: float(x) if (k + 1) * x % MILLI == 0 else (k + 1) * x // MILLI / k * MILLI for x in shares}


# --------------------------------------------------------------------- baselines


class _Baseline:
    """Shares count like everything else."""

    def __init__(self, typical: Typical, largest: Largest) -> None:
        del typical
        self._largest = largest

    def loss(self, share: int, milli: int) -> int:
        del share, milli
        return 0

    def least(self, want: Resources) -> float:
        del want
        return -math.inf


class BestFit(_Baseline):
    """The least left over, as parts of the largest node."""

    def score(self, before: Level, after: Level) -> Score:
        del before
        return (after.cpu_milli / self._largest.cpu_milli + after.accelerator_milli / self._largest.accelerator_milli,)


class DotProduct(_Baseline):
    """The least product of what is free with what is asked for, as parts of the largest node (Tetris's alignment, turned
    round as by the authors of FGD)."""

    def score(self, before: Level, after: Level) -> Score:
        cpu = before.cpu_milli * (before.cpu_milli - after.cpu_milli) / self._largest.cpu_milli**2
        free, milli = before.accelerator_milli, before.accelerator_milli - after.accelerator_milli
        return (cpu + free * milli / self._largest.accelerator_milli**2,)


class FragmentationGradient(_Baseline):
    """FGD (Weng et al., "Beware of fragmentation", USENIX ATC 2023): where what typical workers can't use grows least.

    A typical worker can't use any of a node on which it does not fit, else only the accelerators with less free than it
    needs. The drop is quantised as in the published code, and ties go to the best fit: without either, its published
    figures are not reached.
    """

    def __init__(self, typical: Typical, largest: Largest) -> None:
        super().__init__(typical, largest)
        sizes = most_of(typical)
        total = sum(count for _, count in typical.sizes) or 1
        self._sizes: dict[int, list[tuple[int, int, float]]] = {}
        for size, count in sizes:
            alike = self._sizes.setdefault(size.accelerator_milli, [])
            alike.append((size.cpu_milli, size.memory_mib, count / total))
        self._known: dict[Level, float] = {}

    def score(self, before: Level, after: Level) -> Score:
        grown = self._unusable(after) - self._unusable(before)
        return -(100 // (1 + math.exp(grown / MILLI))), after.accelerator_milli, after.cpu_milli

    def _unusable(self, level: Level) -> float:
        found = self._known.get(level)
        if found is None:
            found = 0.0
            for milli, alike in self._sizes.items():
                unusable = level.accelerator_milli - _usable(level, milli)
                for cpu_milli, memory_mib, part in alike:
                    fits = cpu_milli <= level.cpu_milli and memory_mib <= level.memory_mib
                    found += part * (unusable if fits else level.accelerator_milli)
            if len(self._known) >= KNOWN_LEVELS:
                self._known.clear()
            self._known[level] = found
        return found


def _usable(level: Level, milli: int) -> int:
    if milli >= MILLI:
        return level.whole * MILLI if level.whole * MILLI >= milli else 0
    return level.whole * MILLI + sum(s for s in level.shares if s >= milli) if milli else 0


RULES: Mapping[PackingRule, Callable[[Typical, Largest], Rule]] = {
    PackingRule.LEAST_STRANDED: LeastStranded,
    PackingRule.BEST_FIT: BestFit,
    PackingRule.DOT_PRODUCT: DotProduct,
    PackingRule.FGD: FragmentationGradient,
}


@lru_cache(maxsize=16)
def packing(rule: PackingRule, typical: Typical, terrain: Terrain) -> Packing:
    """The rule for what is typically asked for, on nodes such as there are."""
    largest = Largest(
        accelerator_milli=max((s.accelerator_count * MILLI for s in terrain.shapes), default=0) or 1,
        cpu_milli=max((s.cpu_milli for s in terrain.shapes), default=0) or 1,
    )
    return Packing(RULES[rule](typical, largest))
