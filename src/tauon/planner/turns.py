"""Work of one queue takes turns: what goes before it in the queue's order gets the place of work that can be resumed.

By its order alone (`shortest`, `smallest`, `least-served`): the last in the order give way first. By `turnaround`: work
is stopped only where what runs afterwards is worth more than what was stopped, so that the sum always rises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tauon.model.attempt import Attempt, StopCause
from tauon.model.ids import AttemptId, NodeId, QueueName
from tauon.model.job import Job
from tauon.model.plan import WaitCode, WaitReason
from tauon.model.queue import Queue, QueueOrder
from tauon.model.room import Room
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, find, workers_that_fit
from tauon.planner.preempt import Coming
from tauon.planner.ranks import Rank, ran_us, width

# What runs counts for this much more than what waits: every change costs a restart, and estimates err.
KEEP = 1.3
SEARCHES = 16
LOOK_AGAIN_US = 60 * 1_000_000  # what is believed of running work changes as it goes on; that it does is seen this late


class _Holder(NamedTuple):
    """Running work that may have to give way."""

    order: tuple[float, float]  # the first in this order is stopped first
    loss: float  # what keeping it is worth
    rank: Rank
    priority: int
    attempt: Attempt


class Turns:
    """Who may be stopped for whom in the queues whose workloads take turns, as the plan goes on."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._holders: dict[QueueName, dict[NodeId, list[_Holder]]] = {}
        self._least: dict[QueueName, float] = {}
        self._searches = 0

    def give(self, queue: Queue, job: Job, ways: Sequence[Choice]) -> Coming | None:
        """Stop what has to give way to a job so that it fits, and say where it will; None if nothing does."""
        if not queue.take_turns or not ways or self._searches >= SEARCHES:
            return None
        on_node = self._of(queue)
        if not on_node:
            return None
        ranking = self._draft.rankings.of(queue)
        rank = ranking.rank(job, 0)
        gain = ranking.worth(job, 0) if queue.order is QueueOrder.TURNAROUND else 0.0
        if queue.order is QueueOrder.TURNAROUND and gain <= self._least[queue.name]:
            return None
        self._searches += 1
        for way in ways:
            found = _Search(self._draft, on_node, rank, gain, job, way).victims()
            if found:
                return self._take(job, way, found)
        return None

    def _of(self, queue: Queue) -> dict[NodeId, list[_Holder]]:
        """The holders of a queue by node, those that give way first at the front."""
        found = self._holders.get(queue.name)
        if found is None:
            found = self._holders[queue.name] = {}
            losses: list[float] = []
            for holder in _holders(self._draft, queue):
                losses.append(holder.loss)
                for node in dict.fromkeys(worker.node for worker in holder.attempt.placement):
                    found.setdefault(node, []).append(holder)
            for holders in found.values():
                holders.sort(key=lambda holder: holder.order)
            self._least[queue.name] = min(losses, default=0.0)
        return found

    def _take(self, job: Job, way: Choice, victims: Sequence[Attempt]) -> Coming:
        draft = self._draft
        draft.promised.add(job.id)
        for victim in victims:
            theirs = draft.snapshot.cluster.jobs[victim.job]
            why = f"its turn in queue {job.queue} comes first"
            draft.stop(victim, StopCause.PREEMPTED, theirs.notice_s, f"preempted by {job.id} ({job.name}): {why}")
        fit = find(job.request, [way], draft.future)
        assert fit is not None, "what was stopped makes room"
        names = ", ".join(victim.job for victim in victims[:3]) + (" and others" if len(victims) > 3 else "")
        return Coming(
            fit,
            WaitReason(
                code=WaitCode.PREEMPTING,
                message=f"it takes the turn of {names}, which may save work first",
                waits_for=tuple(victim.job for victim in victims[:8]),
            ),
        )


def _holders(draft: Draft, queue: Queue) -> Iterator[_Holder]:
    """What may be stopped in a queue: it runs long enough, saves its work, and is not being stopped already."""
    snapshot = draft.snapshot
    cluster, now_us = snapshot.cluster, snapshot.at_us
    ranking, least_us = draft.rankings.of(queue), round(queue.min_run_s * 1e6)
    for attempt_id, attempt in cluster.attempts.items():
        job = cluster.jobs[attempt.job]
        if job.queue != queue.name or job.checkpoint is None or attempt.running_at_us is None:
            continue
        if attempt_id in draft.stopping or attempt_id in draft.pledged:
            continue
        ran = ran_us(attempt, now_us)
        if ran < least_us:
            draft.look_again_at(attempt.running_at_us + least_us)
            continue
        rank = ranking.rank(job, ran)
        if queue.order is QueueOrder.TURNAROUND:
            loss = ranking.worth(job, ran) * KEEP
            yield _Holder((loss / width(job.request), -attempt.placed_at_us), loss, rank, job.priority, attempt)
        else:
            yield _Holder((-rank[0], -rank[1]), 0.0, rank, job.priority, attempt)
        changes_us = ranking.changes_us(job, ran)
        if changes_us is not None:
            least_us = LOOK_AGAIN_US if queue.order is QueueOrder.TURNAROUND else 0
            draft.look_again_at(now_us + max(changes_us, least_us))


class _Search:
    """Looks for the holders whose places give room to one gang."""

    def __init__(
        self, draft: Draft, on_node: dict[NodeId, list[_Holder]], rank: Rank, gain: float, job: Job, way: Choice
    ) -> None:
        self._draft = draft
        self._on_node = on_node
        self._rank = rank
        self._gain = gain
        self._job = job
        self._way = way
        self._view = draft.future
        self._shapes = frozenset(way.shapes)

    def victims(self) -> list[Attempt]:
        """Those to stop; empty when nothing would do or nothing would be won."""
        workers = self._job.request.workers
        if workers == 1:
            _, found = self._cheapest_node(1, frozenset(), self._gain)
            return [holder.attempt for holder in found]
        return self._for_gang(workers)

    def _for_gang(self, workers: int) -> list[Attempt]:
        """Node by node, each where the most seats cost the least."""
        chosen: dict[AttemptId, _Holder] = {}
        used: set[NodeId] = set()
        left, loss = workers, 0.0
        seats_of_node = max(
            workers_that_fit(Room(NodeId(""), shape), self._way.resources) for shape in self._way.shapes
        )
        free = self._free_seats()
        while left > 0:
            seats = min(left, seats_of_node)
            node = next((n for n, have in free if have >= seats and n not in used), None)
            found: Sequence[_Holder] = ()
            if node is None:
                node, found = self._cheapest_node(seats, used, self._gain - loss, chosen)
                if node is None:
                    return []
            used.add(node)
            left -= seats
            for holder in found:
                if holder.attempt.id not in chosen:
                    chosen[holder.attempt.id] = holder
                    loss += holder.loss
        victims = [holder.attempt for holder in chosen.values()]
        return victims if self._is_enough(victims) else []

    def _is_enough(self, victims: Sequence[Attempt]) -> bool:
        trial = self._view.fork()
        for victim in victims:
            for worker in victim.placement:
                trial.change(worker, victim.resources, +1)
        return find(self._job.request, [self._way], trial) is not None

    def _free_seats(self) -> list[tuple[NodeId, int]]:
        seats = [
            (room.node, workers_that_fit(room, self._way.resources))
            for shape in self._way.shapes
            for whole in range(shape.accelerator_count, -1, -1)
            for room in self._view.bucket(shape, whole)
        ]
        return [(node, have) for node, have in seats if have]

    def _cheapest_node(
        self,
        seats: int,
        used: set[NodeId] | frozenset[NodeId],
        most: float,
        chosen: dict[AttemptId, _Holder] | None = None,
    ) -> tuple[NodeId | None, Sequence[_Holder]]:
        """The node where these seats cost least, below `most` where worth is compared, and who gives way there."""
        best: tuple[tuple[float, ...], NodeId, list[_Holder]] | None = None
        by_worth = self._gain > 0.0
        for node, holders in self._on_node.items():
            if node in used:
                continue
            limit = most if best is None or not by_worth else best[0][0]
            found = self._clear(node, holders, seats, limit, chosen or {})
            if found is None:
                continue
            cost = (sum(h.loss for h in found), float(len(found))) if by_worth else _worst_first(found)
            if best is None or cost < best[0]:
                best = cost, node, found
        return (None, ()) if best is None else (best[1], best[2])

    def _clear(
        self, node: NodeId, holders: Sequence[_Holder], seats: int, most: float, chosen: dict[AttemptId, _Holder]
    ) -> list[_Holder] | None:
        """Who gives way on a node so that it has these seats; None where too few do, or it costs `most` or more."""
        base = self._view.room(node)
        if base is None or base.shape not in self._shapes:
            return None
        room, want, by_worth = base.copy(), self._way.resources, self._gain > 0.0
        taken: list[_Holder] = []
        loss = 0.0
        for holder in holders:
            if holder.attempt.id in self._draft.stopping or holder.priority > self._job.priority:
                continue
            if not by_worth and holder.rank <= self._rank:
                continue
            is_chosen = holder.attempt.id in chosen
            if by_worth and not is_chosen and loss + holder.loss >= most and not taken:
                continue
            _vacate(room, holder.attempt, +1)
            taken.append(holder)
            loss += 0.0 if is_chosen else holder.loss
            if workers_that_fit(room, want) >= seats:
                break
        else:
            return None
        for holder in taken[-2::-1]:  # the last was needed; whoever came before may be spared, the best first
            _vacate(room, holder.attempt, -1)
            if workers_that_fit(room, want) >= seats:
                taken.remove(holder)
                loss -= 0.0 if holder.attempt.id in chosen else holder.loss
            else:
                _vacate(room, holder.attempt, +1)
        return taken if not by_worth or loss < most else None


def _worst_first(holders: Sequence[_Holder]) -> tuple[float, ...]:
    """Compares nodes by the best of those that would have to go: the later that is in the order, the better."""
    best = min(holder.rank for holder in holders)
    return -best[0], -float(best[1]), float(len(holders))


def _vacate(room: Room, attempt: Attempt, sign: int) -> None:
    for worker in attempt.placement:
        if worker.node == room.node:
            room.change(worker, attempt.resources, sign)
