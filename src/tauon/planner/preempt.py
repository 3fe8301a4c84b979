"""Make room for a workload by stopping lower-priority ones, so that as little work as possible is lost."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tauon.model.attempt import Attempt, StopCause
from tauon.model.capacity import CapacityFork, Room
from tauon.model.ids import AttemptId, NodeId
from tauon.model.job import Job
from tauon.model.plan import WaitCode, WaitReason
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, Fit, find, workers_that_fit

Cost = tuple[int, int]  # the highest priority among what is stopped, then the work that is lost


def make_room(draft: Draft, job: Job, ways: Sequence[Choice]) -> tuple[Fit, WaitReason] | None:
    """Stop the cheapest lower-priority attempts that let the gang fit, and say where it will; None when none do."""
    emptied = draft.future_without(job.priority)
    if emptied is None or find(job.request, ways, emptied) is None:
        return None
    search = _Search(draft, job)
    sets = [chosen for way in ways if (chosen := search.victims(way)) is not None]
    if not sets:
        return None
    victims = min(sets, key=search.cost)
    for victim in victims:
        victim_job = draft.snapshot.cluster.jobs[victim.job]
        why = f"preempted by {job.id} ({job.name}): priority {job.priority} over {victim_job.priority}"
        draft.stop(victim, StopCause.PREEMPTED, victim_job.notice_s, why)
    fit = find(job.request, ways, draft.future)
    assert fit is not None, "what was stopped makes room"
    names = ", ".join(v.job for v in victims[:3])
    reason = WaitReason(
        code=WaitCode.PREEMPTING,
        message=f"it preempts {names}{' and others' if len(victims) > 3 else ''}, which may save work first",
        waits_for=tuple(v.job for v in victims[:8]),
    )
    return fit, reason


def lost_work(attempt: Attempt, job: Job, now_us: int) -> int:
    """What stopping an attempt now would lose, in accelerator-milli-microseconds (core-milli where it has none).

    A job that checkpoints loses what it did since its last regular save, at most one interval; one that saves at
    notice loses next to nothing; one that never saves loses everything since it started.
    """
    if attempt.running_at_us is None:
        return 0
    ran_us = now_us - attempt.running_at_us
    if job.checkpoint is not None:
        interval_us = round(job.checkpoint.interval_s * 1e6)
        ran_us = ran_us % interval_us if interval_us else 0
    return ran_us * (attempt.accelerator_milli or attempt.resources.cpu_milli * len(attempt.placement))


class _Search:
    """The lower-priority attempts that could be stopped for a job, by node, and what each would cost."""

    def __init__(self, draft: Draft, job: Job) -> None:
        self.draft = draft
        self.job = job
        self.on_node: dict[NodeId, list[Attempt]] = {}
        self._lost: dict[AttemptId, Cost] = {}
        cluster = draft.snapshot.cluster
        for priority, attempts in cluster.live.by_priority.items():
            if priority >= job.priority:
                continue
            for attempt_id in attempts:
                if attempt_id not in draft.stopping:
                    attempt = cluster.attempts[attempt_id]
                    lost = lost_work(attempt, cluster.jobs[attempt.job], draft.snapshot.at_us)
                    self._lost[attempt_id] = (priority, lost)
                    for node in dict.fromkeys(worker.node for worker in attempt.placement):
                        self.on_node.setdefault(node, []).append(attempt)

    def cost(self, victims: Iterable[Attempt]) -> Cost:
        """What stopping all of these costs."""
        costs = [self._lost[v.id] for v in victims]
        return max((p for p, _ in costs), default=-(2**62)), sum(lost for _, lost in costs)

    def cheapest_first(self, victims: Iterable[Attempt]) -> list[Attempt]:
        return sorted(victims, key=lambda v: (*self._lost[v.id], -v.placed_at_us, v.id))

    def victims(self, way: Choice) -> list[Attempt] | None:
        """Which attempts to stop so that the gang fits in this way, cheapest first; None when it can't."""
        chosen = _Seating(self, way).fill()
        if chosen is None:
            return None
        # What was chosen for one node may have freed enough on others: spare what is not needed, dearest first.
        kept = self.cheapest_first(chosen)
        trial = self.draft.future.fork()
        for victim in kept:
            _change(trial, victim, +1)
        for victim in kept[::-1]:
            _change(trial, victim, -1)
            if find(self.job.request, [way], trial) is None:
                _change(trial, victim, +1)
            else:
                kept.remove(victim)
        return kept


class _Step(NamedTuple):
    """The cheapest way to one more seat on a node: which attempts it takes, and how many seats they give."""

    cost_per_seat: Cost
    node: NodeId
    seats: int
    victims: tuple[AttemptId, ...]


class _Seating:
    """Seats a gang node by node: the node that gives a seat for the least lost work comes first."""

    def __init__(self, search: _Search, way: Choice) -> None:
        self._search = search
        self._way = way
        self._view = search.draft.future
        self._left = search.job.request.workers
        self._chosen: dict[AttemptId, Attempt] = {}
        self._seated: dict[NodeId, int] = {}
        self._steps: list[_Step] = []

    def fill(self) -> Iterable[Attempt] | None:
        """The attempts to stop, or None when not even all of them would do."""
        for room in self._rooms():
            seats = min(self._left, workers_that_fit(room, self._way.resources))
            self._seated[room.node] = seats
            self._left -= seats
        for node in self._search.on_node:
            self._look(node)
        while self._left > 0 and self._steps:
            step = heapq.heappop(self._steps)
            if step.seats <= self._left and not any(a in self._chosen for a in step.victims):
                here = self._search.on_node[step.node]
                self._chosen.update((v.id, v) for v in here if v.id in step.victims)
                self._left -= step.seats
                self._seated[step.node] += step.seats
            self._look(step.node)
        return None if self._left > 0 else self._chosen.values()

    def _rooms(self) -> Iterator[Room]:
        """The rooms that may give a seat."""
        shapes = set(self._way.shapes)
        for node in self._search.on_node:
            room = self._view.room(node)
            if room is not None and room.shape in shapes:
                yield room
        if self._search.job.request.workers > 1:  # a single worker that fits into what is free needs no victims
            for shape in self._way.shapes:
                for whole in range(shape.accelerator_count + 1):
                    yield from (r for r in self._view.bucket(shape, whole) if r.node not in self._search.on_node)

    def _look(self, node: NodeId) -> None:
        """Note the next step on a node, as things stand now."""
        base = self._view.room(node)
        if base is None or node not in self._seated:
            return
        room, want, seated = base.copy(), self._way.resources, self._seated[node]
        fresh: list[Attempt] = []
        for victim in self._search.on_node[node]:
            if victim.id in self._chosen:
                _free(room, victim, +1)
        for victim in self._search.cheapest_first(v for v in self._search.on_node[node] if v.id not in self._chosen):
            if workers_that_fit(room, want) > seated:
                break
            fresh.append(victim)
            _free(room, victim, +1)
        for victim in fresh[-2::-1]:
            _free(room, victim, -1)
            if workers_that_fit(room, want) > seated:
                fresh.remove(victim)
            else:
                _free(room, victim, +1)
        seats = min(self._left, workers_that_fit(room, want) - seated)
        if seats > 0:
            priority, lost = self._search.cost(fresh)
            heapq.heappush(self._steps, _Step((priority, lost // seats), node, seats, tuple(v.id for v in fresh)))


def _free(room: Room, attempt: Attempt, sign: int) -> None:
    for worker in attempt.placement:
        if worker.node == room.node:
            room.change(worker, attempt.resources, sign)


def _change(view: CapacityFork, attempt: Attempt, sign: int) -> None:
    for worker in attempt.placement:
        view.change(worker, attempt.resources, sign)
