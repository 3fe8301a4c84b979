"""Make room for a workload by stopping lower-priority ones, so that as little work as possible is lost."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from tauon.model.attempt import Attempt, StopCause
from tauon.model.capacity import CapacityFork
from tauon.model.ids import AttemptId, NodeId, QueueName
from tauon.model.job import Job
from tauon.model.live import Kind
from tauon.model.plan import WaitCode, WaitReason
from tauon.model.queue import path
from tauon.model.resources import MILLI
from tauon.model.room import Room
from tauon.model.waiting import LineKey
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, Fit, find, workers_that_fit
from tauon.planner.quota import BORROWING, Claim, Permitted, permitted

# Of what would have to give way, all is compared as long as it is so few attempts; else that on so many nodes, which
# are many more than a gang needs: the cheapest of many is hardly cheaper than the cheapest of all.
FEW = 512
NODES_AT_LEAST = 64
NODES_FOR_EACH = 16

Cost = tuple[int, int]  # the highest priority among what is stopped, then the work that is lost


class Coming(NamedTuple):
    """Where a workload will be, and why not yet; `pledged` are borrowers that will be stopped for it, but not yet."""

    fit: Fit
    reason: WaitReason
    pledged: tuple[Attempt, ...] = ()


def make_room(draft: Draft, job: Job, may: Permitted, standing: int = BORROWING) -> Coming | None:
    """Stop the cheapest attempts that have to give way and let the gang fit, and say where it will; None if none do.

    Who has to give way to whom: `_Search.gives_way`. Borrowers that must give back a guarantee are stopped once they
    have run as long as their queue gives them; until then what is free of the place is kept.
    """
    if not may.later:
        return _within_limit(draft, job, may, standing)
    for ripe_only in (True, False) if draft.quotas.tree.has_guarantees else (True,):
        search = _Search(draft, job, standing, may.later, ripe_only=ripe_only)
        victims = search.cheapest_set(may.later)
        if victims is not None:
            return _take(draft, job, may.later, victims)
        if not search.has_unripe:
            return None
    return None


def _within_limit(draft: Draft, job: Job, may: Permitted, standing: int) -> Coming | None:
    """Stop lower-priority attempts of a queue that is at its limit, so that a more urgent one gets their place."""
    if may.limit is None or may.limit.is_spent:
        return None
    search = _Search(draft, job, standing, (), ripe_only=True, below=may.limit.queue)
    lower = search.cheapest_first(search.everybody())
    chosen: list[Attempt] = []
    key = LineKey(job.queue, job.priority, job.request)
    ways: tuple[Choice, ...] = ()
    for victim in lower:
        if search.gives_way(victim):
            chosen.append(victim)
            search.count_out([victim])
        ways = permitted(draft.quotas, key, draft.terrain, standing).later
        if ways:
            break
    search.count_out(chosen, +1)
    view = draft.future.fork()
    for victim in chosen:
        _change(view, victim, +1)
    return _take(draft, job, ways, chosen) if ways and find(job.request, ways, view) else None


def _take(draft: Draft, job: Job, ways: Sequence[Choice], victims: Sequence[Attempt]) -> Coming:
    """Stop these attempts, or where they have not run long enough yet, have it done later."""
    names = ", ".join(v.job for v in victims[:3])
    names += " and others" if len(victims) > 3 else ""
    waits_for = tuple(v.job for v in victims[:8])
    ripe_us = max(_ripe_us(draft, job, victim) for victim in victims)
    if ripe_us > draft.snapshot.at_us:
        view = draft.future.fork()
        for victim in victims:
            _change(view, victim, +1)
        fit = find(job.request, ways, view)
        assert fit is not None, "what will be stopped makes room"
        draft.look_again_at(ripe_us)
        wait_s = (ripe_us - draft.snapshot.at_us) / 1e6
        message = (
            f"{names} will give back what queue {job.queue} is guaranteed in {wait_s:.0f} s, after their least run"
        )
        return Coming(fit, WaitReason(code=WaitCode.RECLAIMING, message=message, waits_for=waits_for), tuple(victims))
    for victim in victims:
        victim_job = draft.snapshot.cluster.jobs[victim.job]
        why = f"priority {job.priority} over {victim_job.priority}"
        if victim_job.priority >= job.priority:
            why = f"queue {job.queue} takes back what it is guaranteed, queue {victim_job.queue} had borrowed it"
        draft.stop(victim, StopCause.PREEMPTED, victim_job.notice_s, f"preempted by {job.id} ({job.name}): {why}")
    fit = find(job.request, ways, draft.future)
    assert fit is not None, "what was stopped makes room"
    message = f"it preempts {names}, which may save work first"
    return Coming(fit, WaitReason(code=WaitCode.PREEMPTING, message=message, waits_for=waits_for))


def _ripe_us(draft: Draft, job: Job, victim: Attempt) -> int:
    """From when on an attempt may be stopped for this job: at once for a higher priority, else after its least run."""
    cluster = draft.snapshot.cluster
    theirs = cluster.jobs[victim.job]
    if theirs.priority < job.priority:
        return 0
    since_us = victim.placed_at_us if victim.running_at_us is None else victim.running_at_us
    return since_us + round(draft.quotas.tree.queue(theirs.queue).min_run_s * 1e6)


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
    """The attempts that would have to give way to a job, by node, and what stopping each would cost.

    With `ripe_only` those that have not run long enough yet are left out, and `has_unripe` says that there are any.
    """

    def __init__(
        self,
        draft: Draft,
        job: Job,
        standing: int,
        ways: Sequence[Choice],
        *,
        ripe_only: bool,
        below: QueueName | None = None,
    ) -> None:
        self.draft = draft
        self.job = job
        self.on_node: dict[NodeId, list[Attempt]] = {}
        self.has_unripe = False
        self._ripe_only = ripe_only
        self._standing = standing
        self._guarantees = draft.quotas.tree.has_guarantees
        self._lost: dict[AttemptId, Cost] = {}
        self._out: dict[AttemptId, Claim] = {}
        if below is None:
            grounds = {(way.pool, way.accelerator) for way in ways}
            weak = [kind for kind in draft.snapshot.cluster.live.by_kind if self._is_on(kind, grounds)]
        else:
            lower = (kind for kind in draft.snapshot.cluster.live.by_kind if kind.priority < job.priority)
            weak = [kind for kind in lower if below in path(kind.queue)]
        self._gather([kind for kind in weak if draft.quotas.gives_way(kind, (standing, job.priority))], ways)

    def _is_on(self, kind: Kind, grounds: AbstractSet[tuple[str, str]]) -> bool:
        """Whether stopping such work could free anything where the job can be."""
        if (kind.pool, kind.accelerator) in grounds or (kind.pool, "") in grounds:
            return True
        return not kind.accelerator and any(kind.pool == pool for pool, _ in grounds)

    def _gather(self, weak: Sequence[Kind], ways: Sequence[Choice]) -> None:
        """Look at what is weaker than the job: all of it, or where there is a lot, on as many nodes as will do."""
        by_kind, attempts = self.draft.snapshot.cluster.live.by_kind, self.draft.snapshot.cluster.attempts
        if not ways or sum(len(by_kind[kind]) for kind in weak) <= FEW:
            for kind in weak:
                for attempt_id in by_kind[kind]:
                    self._look_at(attempts[attempt_id], kind)
            return
        live, among, left = self.draft.snapshot.cluster.live, set(weak), NODES_AT_LEAST
        left += NODES_FOR_EACH * self.job.request.workers
        for node in self._nodes_of(ways):
            here = [attempt for attempt in live.on_node(node) if live.kinds[attempt.id] in among]
            left -= bool(here)
            if left < 0:
                return
            for attempt in here:
                if attempt.id not in self._lost:
                    self._look_at(attempt, live.kinds[attempt.id])

    def _nodes_of(self, ways: Sequence[Choice]) -> Iterator[NodeId]:
        """Where the job could be, those with the most free first; elsewhere first in every plan, so that no node is
        always left out."""
        view, turn = self.draft.future, self.draft.snapshot.cluster.seq
        for shape in dict.fromkeys(shape for way in ways for shape in way.shapes):
            for whole in range(shape.accelerator_count, -1, -1):
                nodes = [room.node for room in view.bucket(shape, whole)]
                first = turn % len(nodes) if nodes else 0
                yield from nodes[first:]
                yield from nodes[:first]

    def _look_at(self, attempt: Attempt, kind: Kind) -> None:
        draft = self.draft
        if attempt.id in draft.stopping or attempt.id in draft.pledged:
            return
        if self._ripe_only and _ripe_us(draft, self.job, attempt) > draft.snapshot.at_us:
            self.has_unripe = True
            return
        job = draft.snapshot.cluster.jobs[attempt.job]
        self._lost[attempt.id] = (kind.priority, lost_work(attempt, job, draft.snapshot.at_us))
        for node in dict.fromkeys(worker.node for worker in attempt.placement):
            self.on_node.setdefault(node, []).append(attempt)

    def gives_way(self, attempt: Attempt) -> bool:
        """Whether an attempt has to give way to the job, with all that were counted out before it.

        Once they are stopped, each of them must have a weaker claim than the job: on its queue's guarantee, whatever
        the priorities; among equals in this, by priority. Else it would come back first, and stop the job in turn.
        """
        theirs = self.draft.snapshot.cluster.jobs[attempt.job]
        if not self._guarantees:
            return theirs.priority < self.job.priority
        self.count_out([attempt])
        quotas, rank = self.draft.quotas, (self._standing, self.job.priority)
        weaker = all((quotas.standing(claim), claim.priority) < rank for claim in dict.fromkeys(self._out.values()))
        self.count_out([attempt], +1)
        return weaker

    def count_out(self, attempts: Iterable[Attempt], sign: int = -1) -> None:
        """Let quotas be seen as if these were stopped; with `sign` +1, as before."""
        if self.draft.quotas.is_needed:
            for attempt in attempts:
                self.draft.quotas.stop(attempt, sign)
                if sign < 0:
                    self._out[attempt.id] = self.draft.quotas.claim_of(attempt)
                else:
                    del self._out[attempt.id]

    def everybody(self) -> list[Attempt]:
        return [self.draft.snapshot.cluster.attempts[attempt_id] for attempt_id in self._lost]

    def cheapest_set(self, ways: Sequence[Choice]) -> list[Attempt] | None:
        """What to stop, in the cheapest of these ways; None when nothing would do."""
        if not self._lost:
            return None
        emptied = self.draft.future.fork()
        for attempt in self.everybody():
            _change(emptied, attempt, +1)
        if find(self.job.request, ways, emptied) is None:
            return None
        sets = [chosen for way in ways if (chosen := self.victims(way)) is not None]
        return min(sets, key=self.cost) if sets else None

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
                here = [v for v in self._search.on_node[step.node] if v.id in step.victims]
                if self._all_give_way(here):
                    self._chosen.update((v.id, v) for v in here)
                    self._left -= step.seats
                    self._seated[step.node] += step.seats
            self._look(step.node)
        self._search.count_out(self._chosen.values(), +1)
        return None if self._left > 0 else self._chosen.values()

    def _all_give_way(self, victims: Sequence[Attempt]) -> bool:
        """Whether these still have to give way, one after the other, and count them out if so."""
        for done, victim in enumerate(victims):
            if not self._search.gives_way(victim):
                self._search.count_out(victims[:done], +1)
                return False
            self._search.count_out([victim])
        return True

    def _rooms(self) -> Iterator[Room]:
        """The rooms that may give a seat."""
        shapes = set(self._way.shapes)
        for node in self._search.on_node:
            room = self._view.room(node)
            if room is not None and room.shape in shapes:
                yield room
        if self._search.job.request.workers > 1:  # a single worker that fits into what is free needs no victims
            least = self._way.resources.accelerator_milli // MILLI
            for shape in self._way.shapes:
                for whole in range(least, shape.accelerator_count + 1):
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
            if self._search.gives_way(victim):
                fresh.append(victim)
                _free(room, victim, +1)
                self._search.count_out([victim])
        self._search.count_out(fresh, +1)
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
