"""Give each workload its place, in order: what fits starts, what may preempt gets room made, the rest hears why."""

from __future__ import annotations

from tauon.model.attempt import Attempt
from tauon.model.ids import JobId, PoolName, attempt_id
from tauon.model.job import Job
from tauon.model.plan import WaitCode, WaitReason
from tauon.model.resources import Request
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, Fit, choices, find
from tauon.planner.order import Order
from tauon.planner.preempt import make_room
from tauon.planner.shortage import shortage

# Searching for victims costs more than looking for a free place: the rest of the lines get their search next time.
PREEMPTION_SEARCHES = 32


def place(draft: Draft) -> None:
    """Serve the lines in order until each is used up or blocked."""
    order = Order(draft.snapshot)
    ways_of: dict[Request, list[Choice]] = {}
    full: set[Request] = set()  # what did not fit once won't fit later in the same plan
    searches = PREEMPTION_SEARCHES
    while (turn := order.next()) is not None:
        key, job = turn
        request = job.request
        ways = ways_of.get(request)
        if ways is None:
            ways = ways_of[request] = choices(request, draft.free.shapes, draft.snapshot)
        fit = None if request in full else find(request, ways, draft.free)
        if fit is not None:
            attempt = _attempt(job, fit, draft.snapshot.at_us)
            draft.start(attempt)
            order.started(key, attempt.total)
            continue
        full.add(request)
        reason = _reserve_what_comes(draft, request, ways)
        if reason is None and ways and searches:
            searches -= 1
            reason = make_room(draft, job, ways)
        draft.waiting[key] = reason or shortage(request, ways, draft)
    for not_before_us in draft.snapshot.cluster.waiting.delayed.values():
        if not_before_us > draft.snapshot.at_us:
            draft.look_again_at(not_before_us)


def _attempt(job: Job, fit: Fit, at_us: int) -> Attempt:
    number = job.attempts + 1
    return Attempt(
        id=attempt_id(job.id, number),
        job=job.id,
        number=number,
        pool=PoolName(fit.pool),
        accelerator=fit.accelerator,
        resources=fit.resources,
        placement=fit.placement,
        placed_at_us=at_us,
    )


def _reserve_what_comes(draft: Draft, request: Request, ways: list[Choice]) -> WaitReason | None:
    """If it fits once the attempts that are being stopped are gone, keep that place for it."""
    if not draft.stopping:
        return None
    fit = find(request, ways, draft.future)
    if fit is None:
        return None
    nodes = {worker.node for worker in fit.placement}
    draft.reserve(fit.placement, fit.resources)
    attempts = (draft.snapshot.cluster.attempts[a] for a in draft.stopping)
    jobs: list[JobId] = [a.job for a in attempts if any(w.node in nodes for w in a.placement)]
    return WaitReason(
        code=WaitCode.PREEMPTING,
        message=f"its place in {fit.pool} is being emptied: {', '.join(jobs[:3])} {_are(jobs)} stopping",
        waits_for=tuple(jobs[:8]),
    )


def _are(jobs: list[JobId]) -> str:
    return "is" if len(jobs) == 1 else "are"
