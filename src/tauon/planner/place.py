"""Give each workload its place, in order: what fits starts, what may preempt gets room made, the rest hears why."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from tauon.model.ids import JobId
from tauon.model.job import Job
from tauon.model.plan import WaitCode, WaitReason
from tauon.model.resources import Request
from tauon.model.waiting import LineKey
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, attempt_at, choices, find
from tauon.planner.misses import Misses
from tauon.planner.order import Order
from tauon.planner.preempt import Coming, make_room
from tauon.planner.prospects import Prospects
from tauon.planner.quota import BORROWING, Limit, Permitted, permitted
from tauon.planner.shortage import infeasible, shortage
from tauon.planner.turns import Turns

# A search for victims costs more than one for a free place. Each that is made stops something, and the next plan,
# which then is due at once, goes on with the rest.
PREEMPTIONS = 32


def place(draft: Draft) -> None:
    """Serve the lines for which anything can be done in order, until each is used up or blocked."""
    blocked = _still_blocked(draft)
    draft.waiting.update(blocked)
    next_us = draft.snapshot.cluster.waiting.delayed.next_after(draft.snapshot.at_us)
    if next_us is not None:
        draft.look_again_at(next_us)
    rest = [key for key in draft.snapshot.cluster.waiting.lines if key not in blocked]
    if rest:
        _look_through(draft, rest)


def _look_through(draft: Draft, rest: list[LineKey]) -> None:
    """Serve lines as long as anything can be done for any of them, and say of the others why they wait."""
    prospects = Prospects(draft)
    hopeful = prospects.hopeful(rest)
    order = Order(
        draft.snapshot, quotas=draft.quotas, rankings=draft.rankings, lines=hopeful, is_over=prospects.is_over
    )
    _serve(draft, order, prospects)
    while (rest := _left(rest, hopeful, order)) and prospects.have_grown():
        hopeful = prospects.hopeful(rest)
        order.admit(hopeful)
        _serve(draft, order, prospects)
    _tell(draft, rest)


def _left(lines: Iterable[LineKey], hopeful: Container[LineKey], order: Order) -> list[LineKey]:
    """The lines that have not been looked at to their end."""
    return [key for key in lines if key not in hopeful or key in order.dropped]


def _serve(draft: Draft, order: Order, prospects: Prospects) -> None:
    """Serve whoever is next, until nobody is."""
    missed = Misses()  # what did not fit once won't fit later in the same plan
    turns = Turns(draft)
    preemptions = 0
    while (turn := order.next()) is not None:
        key, job, standing = turn
        request = job.request
        if job.id in draft.settled_in:
            attempt = draft.settled_in[job.id]
            order.served(key, attempt.total, attempt.accelerator)
            continue
        may = permitted(draft.quotas, key, draft.terrain, standing)
        if may.now and not missed.covers(request, may.now):
            fit = find(request, may.now, draft.free, draft.packing)
            if fit is not None:
                attempt = attempt_at(job, fit, draft.snapshot.at_us)
                draft.start(attempt)
                order.served(key, attempt.total, attempt.accelerator)
                continue
            missed.add(request, may.now)
        coming = _what_comes(draft, request, may.later)
        if coming is None and may.later:
            prospects.missed(request, may.later)
        elif coming is not None and _is_promised(draft, job):
            draft.promised.add(job.id)
        if coming is None and preemptions < PREEMPTIONS:
            coming = _room_made(draft, prospects, turn, may)
            preemptions += coming is not None and not coming.pledged
        if coming is None and may.later:
            coming = turns.give(draft.quotas.tree.queue(job.queue), job, may.later)
        if coming is not None:
            draft.quotas.reserve(key, coming.fit, standing)
            _keep(draft, key, job, coming)
            order.served(key, coming.fit.resources * request.workers, coming.fit.accelerator)
        elif not order.try_lower(key, standing):
            draft.waiting.setdefault(key, _why(may, draft, request))
            if draft.quotas.tree.queue(key.queue).strict and _may_ever_fit(draft, request):
                for behind in order.hold_back(key):
                    draft.waiting.setdefault(behind, _behind(job))
    if preemptions == PREEMPTIONS:
        draft.look_again_at(draft.snapshot.at_us)


def _room_made(draft: Draft, prospects: Prospects, turn: tuple[LineKey, Job, int], may: Permitted) -> Coming | None:
    """Where work that has to give way makes room for the job whose turn it is."""
    key, job, standing = turn
    ways = may.later or choices(job.request, draft.terrain)
    if not prospects.worth_a_search(key, ways, standing):
        return None
    coming = make_room(draft, job, may, standing)
    if coming is None and may.later:
        prospects.found_none(key, ways, standing)
    return coming


def _still_blocked(draft: Draft) -> Mapping[LineKey, WaitReason]:
    """Lines that the previous plan found blocked, if nothing can have made a difference to them since.

    Only something that is freed, told to stop, or newly there can. What starts takes what was free, or what would be
    if lower-priority work were gone; it adds to neither.
    """
    previous, cluster = draft.snapshot.previous, draft.snapshot.cluster
    if previous is None or cluster.gained_seq > previous.seq or draft.stopping or previous.terrain != draft.terrain:
        return {}
    if draft.quotas.tree.has_budgets:  # they are spent, and begin anew, as time goes by
        return {}
    if draft.quotas.tree.has_guarantees:  # what starts may make a borrower of another, and time lets them be stopped
        return {}
    lines, queue = cluster.waiting.lines, draft.quotas.tree.queue
    still = ((key, why) for key, why in previous.waiting.items() if key in lines)
    return {key: why for key, why in still if not queue(key.queue).take_turns and not queue(key.queue).strict}


def _keep(draft: Draft, key: LineKey, job: Job, coming: Coming) -> None:
    """Keep the place that is coming for the job whose turn it is."""
    fit = coming.fit
    if coming.pledged:
        draft.pledge(job.id, fit, coming.pledged)
    else:
        draft.reserve(job.id, fit.placement, fit.resources)
    draft.waiting.setdefault(key, coming.reason)


def _why(may: Permitted, draft: Draft, request: Request) -> WaitReason:
    if may.limit is not None and not may.now:
        return _at_limit(may.limit)
    return shortage(request, may.now or may.later, draft)


def _at_limit(limit: Limit) -> WaitReason:
    return WaitReason(code=WaitCode.BUDGET if limit.is_spent else WaitCode.QUOTA, message=limit.text)


def _tell(draft: Draft, lines: Iterable[LineKey]) -> None:
    """Say why lines wait for which nothing can be done: the same for all that ask for the same, but for limits."""
    quotas, terrain = draft.quotas, draft.terrain
    alike: dict[Request, WaitReason] = {}
    for key in lines:
        why = alike.get(key.request)
        if why is None:
            why = alike[key.request] = shortage(key.request, choices(key.request, terrain), draft)
        if quotas.tree.has_limits:
            may = permitted(quotas, key, terrain, BORROWING)
            why = why if may.now or may.limit is None else _at_limit(may.limit)
        draft.waiting[key] = why


def _is_promised(draft: Draft, job: Job) -> bool:
    previous = draft.snapshot.previous
    return previous is not None and job.id in previous.promised


def _may_ever_fit(draft: Draft, request: Request) -> bool:
    return not infeasible(request, draft.snapshot.cluster.fleet, draft.snapshot)


def _behind(job: Job) -> WaitReason:
    message = f"{job.id} goes first, and nothing goes past it in queue {job.queue}"
    return WaitReason(code=WaitCode.BEHIND, message=message, waits_for=(job.id,))


def _what_comes(draft: Draft, request: Request, ways: Sequence[Choice]) -> Coming | None:
    """The place where it fits once the attempts that are being stopped are gone, if there is one."""
    if not draft.stopping or not ways:
        return None
    fit = find(request, ways, draft.future)
    if fit is None:
        return None
    nodes = {worker.node for worker in fit.placement}
    attempts = (draft.snapshot.cluster.attempts[a] for a in draft.stopping)
    jobs: list[JobId] = [a.job for a in attempts if any(w.node in nodes for w in a.placement)]
    reason = WaitReason(
        code=WaitCode.PREEMPTING,
        message=f"its place in {fit.pool} is being emptied: {', '.join(jobs[:3])} {_are(jobs)} stopping",
        waits_for=tuple(jobs[:8]),
    )
    return Coming(fit, reason)


def _are(jobs: list[JobId]) -> str:
    return "is" if len(jobs) == 1 else "are"
