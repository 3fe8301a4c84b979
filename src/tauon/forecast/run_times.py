"""Run times of classes of work, learnt one by one as they end: what is little known leans on the class above it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from tauon.forecast.curve import BUCKETS, EDGES, Curve, bucket_of, kept, width_of

JobClass = tuple[str, ...]
"""From the general to the special, such as (queue, size, user, name): its beginnings are the classes above it."""
# How many of the latest jobs count at each depth: all for the root, then fewer and fewer. What people submit comes in
# runs of the same, so that below the class itself stand its latest alone.
MEMORY = (1e9, 1000.0, 200.0)
LATELY = 15.0
_LATELY = "\0lately"

# The class above counts as this many more jobs that ran to the start of each bucket.
LENT_JOBS = 20.0

# With nothing seen at all: half of what has run for a while ends before it has run three times as long again, and
# what has just begun is as if it had run for a minute.
_TAIL = 0.5
_TAIL_FROM_S = 60.0

REACH_JOBS = 3.0
MOST_CLASSES = 20_000
_RESCALE = 1e12
_TOGETHER = 2  # classes that begin with the same two are looked up anew together
_NOBODY: Mapping[int, tuple[float, float]] = {}


class _Tally:
    """What has been seen of one class, the latest with the greatest weight, and the curve made of it."""

    __slots__ = ("_above", "_curve", "_growth", "_round", "cells", "jobs", "memory", "news", "weight")

    def __init__(self, memory: float) -> None:
        self.cells: dict[int, list[float]] = {}  # by bucket: ended in it, left in it, seconds spent in it by both
        self.jobs = 0
        self.memory = memory
        self.weight = 1.0  # of the next one; that it grows is what makes the older ones fade
        self._growth = 1.0 / (1.0 - 1.0 / memory)
        self._curve: Curve | None = None
        self.news = 0
        self._round = -1
        self._above: Curve | None = None

    def add(self, bucket: int, seconds: float, *, part: int) -> None:
        cell = self.cells.setdefault(bucket, [0.0, 0.0, 0.0])
        cell[part] += self.weight
        cell[2] += self.weight * (seconds - EDGES[bucket])
        self.jobs += 1
        self.news += 1
        self.weight *= self._growth
        if self.weight > _RESCALE:
            scale, self.weight = 1.0 / self.weight, 1.0
            self.cells = {
                at: [ended * scale, left * scale, spent * scale]
                for at, (ended, left, spent) in self.cells.items()
                if (ended + left) * scale > 1e-9
            }

    @property
    def is_due(self) -> bool:
        """Whether so much has come since the curve was made that another would differ."""
        return self.news * 32 > min(self.jobs, self.memory)

    def current(self, above: Curve, round_: int) -> Curve | None:
        """The curve, if it can still be used: what came since then would hardly change it."""
        if self._above is not above or self._round != round_ or self.is_due:
            return None
        return self._curve

    def renew(self, above: Curve, at_work: Mapping[int, tuple[float, float]], round_: int) -> Curve:
        """The curve of what has been seen, where that is little the one of the class above."""
        reach = self._reach() if self.memory == MEMORY[0] else above.reach
        self._curve = curve = Curve(self._hazards(above.hazards, at_work), reach)
        self._above, self._round, self.news = above, round_, 0
        return curve

    def _hazards(self, above: Sequence[float], at_work: Mapping[int, tuple[float, float]]) -> list[float]:
        scale = 1.0 / self.weight
        further = sum(ended + left for ended, left, _ in self.cells.values()) * scale
        further += sum(count for count, _ in at_work.values())
        hazards = []
        for at, hazard in enumerate(above):
            width = width_of(at) if at < BUCKETS - 1 else EDGES[-1]
            ended = spent = 0.0
            cell = self.cells.get(at)
            if cell is not None:
                ended, left, spent = cell[0] * scale, cell[1] * scale, cell[2] * scale
                further -= ended + left
            now = at_work.get(at)
            if now is not None:
                further -= now[0]
                spent += now[1]
            if further > 1e-9:
                spent += further * width
            lent = LENT_JOBS * (1.0 - kept(hazard * width))
            hazards.append((ended + lent) / (spent + lent / hazard))
        return hazards

    def _reach(self) -> int:
        beyond = 0.0
        for at in sorted(self.cells, reverse=True):
            beyond += self.cells[at][0] / self.weight
            if beyond >= REACH_JOBS:
                return at
        return BUCKETS - 1


class RunTimes:
    """Learns in constant time for each job that ends, and answers from curves that are renewed when they are asked for
    and enough has been learnt since. Nothing of it depends on a clock: the same history gives the same answers.
    """

    def __init__(self) -> None:
        self._tallies: dict[JobClass, _Tally] = {(): _Tally(MEMORY[0])}
        self._at_work: dict[int, tuple[float, float]] = {}
        self._round = 0
        # Looking a class up costs little, but a crowd that waits is looked up again and again: kept until it changes.
        self._kept: dict[JobClass, Curve] = {}
        self._kept_of: dict[JobClass, list[JobClass]] = {}
        self._prior = Curve([_TAIL / (_TAIL_FROM_S + edge) for edge in EDGES])

    @property
    def jobs(self) -> int:
        """How many have been learnt from."""
        return self._tallies[()].jobs

    def finished(self, job_class: JobClass, seconds: float) -> None:
        """A job of this class ended by itself after running for so long."""
        self._learn(job_class, seconds, part=0)

    def cut_short(self, job_class: JobClass, seconds: float) -> None:
        """A job of this class was ended after running for so long, and would have run on."""
        self._learn(job_class, seconds, part=1)

    def at_work(self, ran_s: Iterable[float]) -> None:
        """For how long each job that runs now has: in place of what was said so before.

        Without it, those that run for long would be missing from the history for as long as they do, most of all while
        it is young. They count at the root, where nothing fades: further down, what has just ended would be set against
        what began long ago.
        """
        self._round += 1
        self._forget_kept()
        self._at_work = {}
        for seconds in ran_s:
            bucket = bucket_of(seconds)
            count, spent = self._at_work.get(bucket, (0.0, 0.0))
            self._at_work[bucket] = (count + 1.0, spent + seconds - EDGES[bucket])

    def quantile(self, job_class: JobClass, q: float, ran_s: float = 0.0) -> float:
        """Seconds within which a job of this class that has run for `ran_s` ends with the probability `q`."""
        return self.curve(job_class).remaining_s(q, ran_s)

    def completions_per_s(self, job_class: JobClass, ran_s: float = 0.0) -> float:
        """Gittins' index of a job of this class that has run for `ran_s`, see `Curve`."""
        return self.curve(job_class).completions_per_s(bucket_of(ran_s))

    def histogram(self, job_class: JobClass) -> list[tuple[float, float]]:
        """How many ended before each number of seconds and after the one before it, in seconds; the latest count most."""
        tally = self._tallies.get(job_class)
        if tally is None:
            return []
        return [(EDGES[at] + width_of(at), tally.cells[at][0] / tally.weight) for at in sorted(tally.cells)]

    def known(self, job_class: JobClass) -> int:
        """How many jobs of this class have been learnt from."""
        tally = self._tallies.get(job_class)
        return tally.jobs if tally else 0

    def curve(self, job_class: JobClass) -> Curve:
        """The curve of a class; that of the nearest class above it where it is unknown."""
        found = self._kept.get(job_class)
        if found is None:
            found = self._kept[job_class] = self._look_up(job_class)
            self._kept_of.setdefault(job_class[:_TOGETHER], []).append(job_class)
        return found

    def _forget_kept(self) -> None:
        self._kept.clear()
        self._kept_of.clear()

    def _look_up(self, job_class: JobClass) -> Curve:
        curve, seen = self._prior, (-1, 0.0)
        for key in _and_above(job_class):
            tally = self._tallies.get(key)
            if tally is None:
                break
            # A class that is all of the one above it, and forgets no sooner, tells nothing new.
            if seen != (seen := (tally.jobs, tally.memory)):
                curve = tally.current(curve, self._round) or tally.renew(
                    curve, _NOBODY if key else self._at_work, self._round
                )
        return curve

    def all_alike(self) -> Curve:
        """The curve of all jobs together, with no regard to what they are."""
        root = self._tallies[()]
        return root.current(self._prior, self._round) or root.renew(self._prior, self._at_work, self._round)

    def _learn(self, job_class: JobClass, seconds: float, *, part: int) -> None:
        bucket = bucket_of(seconds)
        for key in _and_above(job_class):
            tally = self._tallies.pop(key, None)
            if tally is None:
                tally = _Tally(_memory(key))
            self._tallies[key] = tally  # at the end, as the latest
            tally.add(bucket, seconds, part=part)
            if tally.is_due and len(key) < _TOGETHER:
                self._forget_kept()
        for key in self._kept_of.pop(job_class[:_TOGETHER], ()):
            self._kept.pop(key, None)
        if len(self._tallies) > MOST_CLASSES:
            for key in list(islice(self._tallies, MOST_CLASSES // 4)):
                if key:
                    del self._tallies[key]


def _and_above(job_class: JobClass) -> list[JobClass]:
    """The classes from the root to a class, and its latest."""
    return [*(job_class[:depth] for depth in range(len(job_class) + 1)), (*job_class, _LATELY)]


def _memory(key: JobClass) -> float:
    if key and key[-1] == _LATELY:
        return LATELY
    return MEMORY[min(len(key), len(MEMORY) - 1)]
