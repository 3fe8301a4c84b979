"""The index of what waits: jobs that ask for the same thing stand in one line, so that they share one answer."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tauon.model.due import Due
from tauon.model.ids import JobId, QueueName
from tauon.model.job import Job
from tauon.model.resources import Request

# How long a workload waits at most before it goes ahead of everything submitted later to its queue at its priority.
PATIENCE_US = 24 * 3600 * 1_000_000


class LineKey(NamedTuple):
    """What the jobs of one line have in common."""

    queue: QueueName
    priority: int
    request: Request


class Place(NamedTuple):
    """A job's place in its line: by when it is due to start, then by order of submission."""

    due_us: int
    number: int
    job: JobId


def place_of(job: Job) -> Place:
    """Where a job stands in its line.

    It is due at its deadline, or when patience ends if that is sooner, but not before it came. So what has a near
    deadline goes first, all else in order of arrival, and what comes after the end of somebody's patience goes behind
    them, whatever its own deadline: nobody in a queue is passed by for ever.
    """
    due_us = job.submitted_at_us + PATIENCE_US
    if job.deadline_us is not None and job.deadline_us < due_us:
        due_us = max(job.deadline_us, job.submitted_at_us)
    return Place(due_us, job.number, job.id)


class Line:
    """The waiting jobs of one kind, in order. Most only ever join at the end; the others are kept sorted."""

    __slots__ = ("_arrivals", "_last", "_sorted", "key")

    def __init__(self, key: LineKey) -> None:
        self.key = key
        self._arrivals: OrderedDict[Place, None] = OrderedDict()
        self._sorted: list[Place] = []
        self._last = Place(0, 0, JobId(""))

    def __len__(self) -> int:
        return len(self._arrivals) + len(self._sorted)

    def __iter__(self) -> Iterator[Place]:
        if not self._sorted:
            return iter(self._arrivals)
        return heapq.merge(self._sorted, self._arrivals)

    def add(self, place: Place) -> None:
        if place > self._last:
            self._arrivals[place] = None
            self._last = place
        else:
            insort(self._sorted, place)

    def remove(self, place: Place) -> None:
        if place in self._arrivals:
            del self._arrivals[place]
            return
        at = bisect_left(self._sorted, place)
        if at < len(self._sorted) and self._sorted[at] == place:
            del self._sorted[at]


class Waiting:
    """All lines, and the jobs that stand in none yet because they wait for other jobs."""

    def __init__(self) -> None:
        self._lines: dict[LineKey, Line] = {}
        self._held: dict[JobId, set[JobId]] = {}
        self._dependents: dict[JobId, dict[JobId, None]] = {}
        self._delayed: Due[JobId] = Due()
        self._moving: dict[JobId, None] = {}

    @property
    def lines(self) -> Mapping[LineKey, Line]:
        return self._lines

    @property
    def held(self) -> Mapping[JobId, set[JobId]]:
        """Jobs that wait for other jobs, with those that have not succeeded yet."""
        return self._held

    @property
    def delayed(self) -> Due[JobId]:
        """Jobs that may not start before a time."""
        return self._delayed

    @property
    def moving(self) -> Mapping[JobId, None]:
        """Jobs for which a place is kept on another node than the one they were moved from."""
        return self._moving

    def __len__(self) -> int:
        return len(self._held) + sum(map(len, self._lines.values()))

    def dependents(self, job: JobId) -> list[JobId]:
        """Jobs that wait for this one."""
        return list(self._dependents.get(job, ()))

    def join(self, job: Job, unmet: set[JobId]) -> None:
        """Let a queued job wait; `unmet` are the jobs that must succeed before it."""
        if unmet:
            self._held[job.id] = unmet
            for before in job.depends_on:
                if before in unmet:
                    self._dependents.setdefault(before, {})[job.id] = None
            return
        if job.not_before_us:
            self._delayed.put(job.id, job.not_before_us)
        if job.moves_to:
            self._moving[job.id] = None
        key = LineKey(job.queue, job.priority, job.request)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key)
        line.add(place_of(job))

    def leave(self, job: Job) -> None:
        """Take a job out, wherever it waits."""
        unmet = self._held.pop(job.id, None)
        if unmet is not None:
            for before in unmet:
                self._dependents.get(before, {}).pop(job.id, None)
            return
        if job.not_before_us:
            self._delayed.discard(job.id)
        if job.moves_to:
            self._moving.pop(job.id, None)
        key = LineKey(job.queue, job.priority, job.request)
        line = self._lines.get(key)
        if line is not None:
            line.remove(place_of(job))
            if not line:
                del self._lines[key]

    def change(self, job: Job, changed: Job, unmet: set[JobId]) -> None:
        """A job that waits asks for something else from now on."""
        self.leave(job)
        self.join(changed, unmet)

    def pass_by(self, now_us: int) -> None:
        """Take note that it is this late: what was delayed until now is no longer."""
        if self._delayed:
            self._delayed.pass_by(now_us)

    def succeeded(self, job: JobId) -> list[JobId]:
        """Take note that a job succeeded; returns those that now wait for nothing but a place."""
        freed = []
        for waiting in self._dependents.pop(job, {}):
            unmet = self._held[waiting]
            unmet.discard(job)
            if not unmet:
                del self._held[waiting]
                freed.append(waiting)
        return freed

    def gave_up(self, job: JobId) -> None:
        """Take note that a job will never succeed; those that wait for it are failed by whoever says so."""
        self._dependents.pop(job, None)
