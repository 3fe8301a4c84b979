"""A journal told again: what became of each job, and what was held, free and wanted over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from tauon.model.attempt import Attempt, Outcome
from tauon.model.capacity import Capacity
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    Event,
    JobCancelled,
    JobFailed,
    JobRequeued,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeTerminated,
)
from tauon.model.ids import AttemptId, JobId, NodeId
from tauon.model.job import Job, JobState
from tauon.model.node import NodeShape
from tauon.model.resources import MILLI, Request, Resources
from tauon.model.room import Room
from tauon.planner.fit import workers_that_fit
from tauon.ports.what_if import Curve

BINS = 240
TYPICAL = 12  # kinds of waiting requests that fragmentation is measured for
US = 1e6


class Course:
    """What became of one job. `others` is how many jobs were there on average between its coming and its end."""

    __slots__ = ("attempts", "ended_us", "held", "job", "others", "preemptions", "ran_us", "state")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.state = JobState.QUEUED
        self.ended_us: int | None = None
        self.ran_us = 0
        self.held = Resources()  # by its last attempt
        self.attempts = 0
        self.preemptions = 0
        self.others = 0.0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a score is made of. Amounts are integrals over microseconds until the last end of a job."""

    courses: list[Course]
    last_end_us: int
    held: Resources
    capacity: Resources
    average_capacity: Resources
    fragmentation: float
    preemptions: int
    restarts: int
    curve: Curve


def retell(events: Iterable[Event], *, start_us: int, end_us: int) -> Told:
    """Fold a journal. Cost grows with the events, and with nodes x 240 where something waits."""
    told = _Retelling(start_us, max(end_us, start_us + 1))
    for event in events:
        told.take(event)
    return told.finish()


class _Level:
    """Amounts that change in steps, and their integral over time."""

    __slots__ = ("area", "now")

    def __init__(self) -> None:
        self.now = [0, 0, 0, 0, 0]  # accelerator milli, cpu milli, MiB, jobs waiting, jobs running
        self.area = [0, 0, 0, 0, 0]

    def pass_by(self, span_us: int) -> None:
        for i, value in enumerate(self.now):
            if value:
                self.area[i] += value * span_us

    def change(self, amounts: Resources, sign: int) -> None:
        self.now[0] += sign * amounts.accelerator_milli
        self.now[1] += sign * amounts.cpu_milli
        self.now[2] += sign * amounts.memory_mib

    def resources(self, times: float = 1.0) -> Resources:
        acc, cpu, memory = (round(v * times) for v in self.area[:3])
        return Resources(accelerator_milli=acc, cpu_milli=cpu, memory_mib=memory)


WAITING, RUNNING = 3, 4


class _Retelling:
    def __init__(self, start_us: int, end_us: int) -> None:
        self._start_us, self._end_us = start_us, end_us
        self._bin_us = max(1, -(-(end_us - start_us) // BINS))
        self._next_bin_us = start_us + self._bin_us
        self._now_us = start_us
        self._held, self._there = _Level(), _Level()
        self._courses: dict[JobId, Course] = {}
        self._attempts: dict[AttemptId, tuple[Attempt, int]] = {}
        self._capacity = Capacity()
        self._nodes: dict[NodeId, NodeShape] = {}
        self._waiting: Counter[Request] = Counter()
        self._came: dict[JobId, int] = {}  # jobs x time until a job came
        self._last_end: tuple[int, Resources, Resources] | None = None
        self._points: list[tuple[int, list[int], list[int]]] = []
        self._fragments: list[float] = []
        self._preemptions = self._restarts = 0

    # ------------------------------------------------------------- time

    def take(self, event: Event) -> None:
        """One event more."""
        if event.at_us > self._now_us:
            self._pass_to(event.at_us)
        self._fold(event)

    def _pass_to(self, at_us: int) -> None:
        while self._next_bin_us <= at_us:
            self._step(self._next_bin_us)
            self._points.append((self._now_us, self._held.area.copy(), self._there.area.copy()))
            if self._held.now[WAITING]:
                self._fragments.append(self._fragmentation())
            self._next_bin_us += self._bin_us
        self._step(at_us)

    def _step(self, at_us: int) -> None:
        span_us = at_us - self._now_us
        if span_us > 0:
            self._held.pass_by(span_us)
            self._there.pass_by(span_us)
            self._now_us = at_us

    # ------------------------------------------------------------- events

    def _fold(self, event: Event) -> None:
        match event.fact:
            case JobSubmitted(job=job):
                self._courses[job.id] = Course(job)
                self._came[job.id] = self._crowd()
                self._wait(job, +1)
            case AttemptPlaced(attempt=attempt):
                self._place(attempt)
            case AttemptRunning(attempt_id=attempt_id):
                attempt, _ = self._attempts[attempt_id]
                self._attempts[attempt_id] = (attempt, event.at_us)
            case AttemptEnded(attempt_id=attempt_id, outcome=outcome):
                self._end_attempt(attempt_id, outcome)
            case JobRequeued(job_id=job_id):
                course = self._courses[job_id]
                course.state = JobState.QUEUED
                self._wait(course.job, +1)
            case JobSucceeded(job_id=job_id):
                self._end_job(job_id, JobState.SUCCEEDED)
            case JobFailed(job_id=job_id):
                self._end_job(job_id, JobState.FAILED)
            case JobCancelled(job_id=job_id):
                self._end_job(job_id, JobState.CANCELLED)
            case NodeReady(node=node):
                self._drop(node.id)
                self._nodes[node.id] = node.shape
                self._there.change(node.shape.capacity, +1)
                self._open(node.id)
            case NodeDraining(node_id=node_id):
                self._capacity.remove(node_id)
            case NodeLost(node_id=node_id) | NodeTerminated(node_id=node_id):
                self._drop(node_id)
            case _:
                pass

    def _open(self, node_id: NodeId) -> None:
        self._capacity.add(node_id, self._nodes[node_id])
        for attempt, _ in self._attempts.values():
            for worker in attempt.placement:
                if worker.node == node_id:
                    self._capacity.change(worker, attempt.resources, -1)

    def _drop(self, node_id: NodeId) -> None:
        shape = self._nodes.pop(node_id, None)
        if shape is not None:
            self._there.change(shape.capacity, -1)
            self._capacity.remove(node_id)

    def _wait(self, job: Job, sign: int) -> None:
        self._held.now[WAITING] += sign
        self._waiting[job.request] += sign
        if not self._waiting[job.request]:
            del self._waiting[job.request]

    def _place(self, attempt: Attempt) -> None:
        course = self._courses[attempt.job]
        self._wait(course.job, -1)
        self._attempts[attempt.id] = (attempt, 0)
        course.state, course.held = JobState.STARTING, attempt.total
        course.attempts += 1
        self._restarts += course.attempts > 1
        self._held.change(attempt.total, +1)
        self._held.now[RUNNING] += 1
        for worker in attempt.placement:
            self._capacity.change(worker, attempt.resources, -1)

    def _end_attempt(self, attempt_id: AttemptId, outcome: Outcome) -> None:
        attempt, running_us = self._attempts.pop(attempt_id)
        course = self._courses[attempt.job]
        if running_us:
            course.ran_us += self._now_us - running_us
        if outcome is Outcome.PREEMPTED:
            course.preemptions += 1
            self._preemptions += 1
        self._held.change(attempt.total, -1)
        self._held.now[RUNNING] -= 1
        for worker in attempt.placement:
            self._capacity.change(worker, attempt.resources, +1)
        self._last_end = (self._now_us, self._held.resources(), self._there.resources())

    def _end_job(self, job_id: JobId, state: JobState) -> None:
        course = self._courses[job_id]
        if course.state is JobState.QUEUED:
            self._wait(course.job, -1)
        course.state, course.ended_us = state, self._now_us
        span_us = self._now_us - course.job.submitted_at_us
        course.others = (self._crowd() - self._came.pop(job_id)) / span_us if span_us else 1.0

    def _crowd(self) -> int:
        return self._held.area[WAITING] + self._held.area[RUNNING]

    # ------------------------------------------------------------- what comes of it

    def _fragmentation(self) -> float:
        """The share of free accelerators on nodes where a waiting request has no room, over the commonest requests."""
        free = {True: 0.0, False: 0.0}
        for request, count in self._waiting.most_common(TYPICAL):
            for want, kinds in [(request.resources(), request.accelerators)] if request.accelerators else []:
                for room in self._capacity.rooms():
                    idle = sum(room.milli)
                    if idle:
                        shape = room.shape
                        suits = any(k.accepts(shape.accelerator, shape.accelerator_memory_gib) for k in kinds)
                        free[suits and _has_seat(room, want)] += idle * count
        total = free[True] + free[False]
        return free[False] / total if total else 0.0

    def finish(self) -> Told:
        """Everything until the end."""
        self._pass_to(self._end_us)
        unfinished = any(course.ended_us is None for course in self._courses.values())
        at_end = (self._end_us, self._held.resources(), self._there.resources())
        last_us, held, there = at_end if unfinished or self._last_end is None else self._last_end
        return Told(
            courses=list(self._courses.values()),
            last_end_us=last_us,
            held=held,
            capacity=there,
            average_capacity=self._there.resources(1 / (self._end_us - self._start_us)),
            fragmentation=sum(self._fragments) / len(self._fragments) if self._fragments else 0.0,
            preemptions=self._preemptions,
            restarts=self._restarts - self._preemptions if self._restarts > self._preemptions else 0,
            curve=self._curve(),
        )

    def _curve(self) -> Curve:
        at_us, held, there = self._start_us, [0] * 5, [0] * 5
        rows: list[tuple[float, float, float, int, int]] = []
        for point_us, held_area, there_area in self._points:
            span = point_us - at_us
            means = [(new - old) / span for new, old in zip(held_area, held, strict=True)]
            capacity = (there_area[0] - there[0]) / span
            rows.append(
                (
                    (at_us - self._start_us) / US,
                    means[0] / MILLI,
                    capacity / MILLI,
                    round(means[WAITING]),
                    round(means[RUNNING]),
                )
            )
            at_us, held, there = point_us, held_area, there_area
        columns = list(zip(*rows, strict=True)) or [()] * 5
        return Curve(at_s=columns[0], held=columns[1], capacity=columns[2], waiting=columns[3], running=columns[4])


def _has_seat(room: Room, want: Resources) -> bool:
    return workers_that_fit(room, want) > 0
