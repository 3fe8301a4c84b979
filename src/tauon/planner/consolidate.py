"""Move cheap-to-move work together: so that waiting work fits, or a bought node is emptied and can be given back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from tauon.model.attempt import Attempt, StopCause
from tauon.model.capacity import CapacityFork
from tauon.model.ids import NodeId
from tauon.model.job import Job
from tauon.model.node import NodeState
from tauon.model.packing import PackingRule
from tauon.model.plan import WaitCode, WaitReason
from tauon.model.resources import Request, Resources
from tauon.model.room import Room
from tauon.model.waiting import LineKey
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, Fit, attempt_at, choices, find, on_node, workers_that_fit
from tauon.planner.preempt import lost_work
from tauon.planner.quota import BORROWING, permitted

# A move costs its job a restart, so there are few: one for so many placements, and none of a job moved this lately.
PLACEMENTS_PER_MOVE = 10
AGAIN_US = 3600 * 1_000_000
LINES = 4  # so many waiting lines are tried for at most in one plan
ROOMS = 64  # and so many nodes looked at for each
TRIES = 8  # and so many of the moves that would do tried out, cheapest first


class Move(NamedTuple):
    """An attempt and where its job goes on."""

    attempt: Attempt
    fit: Fit


def settle_in(draft: Draft) -> None:
    """Keep their places for jobs that are being moved, and start those that have saved their work and stopped."""
    cluster = draft.snapshot.cluster
    for attempt_id in cluster.live.stopping:
        stop = cluster.attempts[attempt_id].stop
        if stop is not None and stop.moves_to:
            job = cluster.jobs[cluster.attempts[attempt_id].job]
            fit = on_node(job.request, choices(job.request, draft.terrain), draft.free, stop.moves_to)
            if fit is not None:
                draft.quotas.reserve(_key(job), fit, BORROWING)
                draft.reserve(job.id, fit.placement, fit.resources)
    for job_id in cluster.waiting.moving:
        job = cluster.jobs[job_id]
        ways = permitted(draft.quotas, _key(job), draft.terrain, BORROWING).now
        fit = on_node(job.request, ways, draft.free, job.moves_to)
        if fit is not None:
            attempt = draft.settled_in[job_id] = attempt_at(job, fit, draft.snapshot.at_us)
            draft.start(attempt, f"it goes on on {job.moves_to}, where a place was kept for it")


def _key(job: Job) -> LineKey:
    return LineKey(job.queue, job.priority, job.request)


def consolidate(draft: Draft) -> None:
    """Move running work, if that is all that waiting work needs; else, where nothing waits, to empty a bought node."""
    previous, cluster = draft.snapshot.previous, draft.snapshot.cluster
    if draft.snapshot.packing is not PackingRule.LEAST_STRANDED:  # the rules of others move nothing
        return
    if _budget(draft) <= 0 or any(_moves(cluster.attempts[a]) for a in cluster.live.stopping):
        return
    has_gained = previous is None or cluster.gained_seq > previous.seq
    before = {} if previous is None or has_gained else previous.waiting
    taken = [key for key, why in draft.waiting.items() if why.code is WaitCode.CAPACITY]
    for key in islice((key for key in taken if key not in before and key.request.workers == 1), LINES):
        if _let_in(draft, key):
            return
    if has_gained and not draft.waiting and cluster.bought:
        _empty_one(draft)


def _moves(attempt: Attempt) -> bool:
    return attempt.stop is not None and bool(attempt.stop.moves_to)


def _budget(draft: Draft) -> int:
    live = draft.snapshot.cluster.live
    return live.placed // PLACEMENTS_PER_MOVE - live.moved


def _is_movable(draft: Draft, attempt: Attempt) -> bool:
    """Whether moving it costs little: it runs on one node, saves its work, and has not been moved lately."""
    job = draft.snapshot.cluster.jobs[attempt.job]
    return (
        job.checkpoint is not None
        and job.unpinned is None
        and attempt.running_at_us is not None
        and attempt.id not in draft.stopping
        and attempt.id not in draft.pledged
        and len({worker.node for worker in attempt.placement}) == 1
        and (not job.moved_at_us or draft.snapshot.at_us - job.moved_at_us >= AGAIN_US)
    )


def _cheapest_first(draft: Draft, attempts: Iterable[Attempt]) -> list[Attempt]:
    jobs, now_us = draft.snapshot.cluster.jobs, draft.snapshot.at_us
    return sorted(attempts, key=lambda a: (lost_work(a, jobs[a.job], now_us), a.id))


def _elsewhere(draft: Draft, attempts: Sequence[Attempt], closed: Iterable[NodeId]) -> list[Move] | None:
    """Places for all of these in what is free, each on one node and on none of the closed ones; None without."""
    view = draft.free.fork()
    for node in closed:
        view.close(node)
    moves: list[Move] = []
    for attempt in attempts:
        job = draft.snapshot.cluster.jobs[attempt.job]
        fit = find(job.request, _ways(draft, attempt), view, draft.packing)
        if fit is None or len({worker.node for worker in fit.placement}) > 1:
            return None
        for worker in fit.placement:
            view.change(worker, fit.resources, -1)
        moves.append(Move(attempt, fit))
    return moves


def _carry_out(draft: Draft, moves: Iterable[Move], why: str) -> None:
    for attempt, fit in moves:
        job = draft.snapshot.cluster.jobs[attempt.job]
        target = fit.placement[0].node
        reason = f"it moves from {attempt.placement[0].node} to {target}, so that {why}"
        draft.stop(attempt, StopCause.MOVED, job.notice_s, reason, moves_to=target)
        draft.reserve(job.id, fit.placement, fit.resources)


# --------------------------------------------------------------------- for waiting work


def _let_in(draft: Draft, key: LineKey) -> bool:
    """Whether one move lets the first of a line in; the move is in the plan then."""
    place = next(iter(draft.snapshot.cluster.waiting.lines[key]))
    job = draft.snapshot.cluster.jobs[place.job]
    for way in permitted(draft.quotas, key, draft.terrain, BORROWING).now:
        found = _one_move(draft, job, way)
        if found is not None:
            _carry_out(draft, [found], f"{job.id} ({job.name}) fits on {found.attempt.placement[0].node}")
            message = f"{found.attempt.job} moves to {found.fit.placement[0].node} to make room for it"
            draft.waiting[key] = WaitReason(code=WaitCode.PREEMPTING, message=message, waits_for=(found.attempt.job,))
            return True
    return False


def _one_move(draft: Draft, job: Job, way: Choice) -> Move | None:
    """The cheapest move after which a worker fits, among those on the nodes that lack least."""
    cluster, want = draft.snapshot.cluster, way.resources
    movable: list[Attempt] = []
    for room in islice(_fullest_last(draft.free, way), ROOMS):
        for attempt in cluster.live.on_node(room.node):
            is_lower = cluster.jobs[attempt.job].priority <= job.priority
            if is_lower and _is_movable(draft, attempt) and _makes_room(room, attempt, want):
                movable.append(attempt)
    for attempt in _cheapest_first(draft, _with_a_place(draft, movable))[:TRIES]:
        moves = _elsewhere(draft, [attempt], [attempt.placement[0].node])
        if moves:
            return moves[0]
    return None


def _with_a_place(draft: Draft, attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    """Those of which the like would fit into what is free somewhere."""
    fits: dict[tuple[Request, str], bool] = {}
    for attempt in attempts:
        request = draft.snapshot.cluster.jobs[attempt.job].request
        kind = request, attempt.accelerator
        if kind not in fits:
            fits[kind] = find(request, _ways(draft, attempt), draft.free) is not None
        if fits[kind]:
            yield attempt


def _ways(draft: Draft, attempt: Attempt) -> list[Choice]:
    """How a job could go on, on accelerators of the same type."""
    request = draft.snapshot.cluster.jobs[attempt.job].request
    return [way for way in choices(request, draft.terrain) if way.accelerator == attempt.accelerator]


def _fullest_last(view: CapacityFork, way: Choice) -> Iterable[Room]:
    for shape in way.shapes:
        for whole in range(shape.accelerator_count, -1, -1):
            yield from view.bucket(shape, whole)


def _makes_room(room: Room, attempt: Attempt, want: Resources) -> bool:
    after = room.copy()
    for worker in attempt.placement:
        after.change(worker, attempt.resources, +1)
    return workers_that_fit(after, want) > 0


# --------------------------------------------------------------------- for giving nodes back


def _empty_one(draft: Draft) -> None:
    """Empty the bought node that needs the fewest moves, if all that runs on it fits on others that are in use."""
    cluster, budget = draft.snapshot.cluster, _budget(draft)
    started_on = draft.started_on
    busy: list[tuple[int, NodeId, list[Attempt]]] = []
    closed: list[NodeId] = []
    for node_id in cluster.bought:
        node, attempts = cluster.nodes[node_id], cluster.live.on_node(node_id)
        if node.state is not NodeState.READY:
            continue
        if not attempts:
            closed.append(node_id)  # it is on its way out itself
        elif len(attempts) <= budget and node_id not in started_on and all(_is_movable(draft, a) for a in attempts):
            busy.append((len(attempts), node_id, attempts))
    for _, node_id, attempts in sorted(busy, key=lambda entry: entry[:2])[:ROOMS]:
        moves = _elsewhere(draft, _cheapest_first(draft, attempts), [*closed, node_id])
        if moves:
            _carry_out(draft, moves, f"{node_id} is empty and can be given back")
            return
