"""Why a job is where it is, in an answer that a person can act on."""

from __future__ import annotations

from msgspec.structs import replace

from tauon.model.cluster import Cluster
from tauon.model.ids import JobId
from tauon.model.job import Job, JobState
from tauon.model.plan import Plan, WaitCode, WaitReason
from tauon.model.queue import path
from tauon.model.snapshot import Snapshot
from tauon.model.waiting import LineKey
from tauon.planner.fit import choices
from tauon.planner.foresee import Foreseen
from tauon.planner.quota import BORROWING, Quotas, permitted
from tauon.planner.shortage import infeasible, pool_shortage
from tauon.service.views import Explanation, PoolReason, moment


def explain(job: Job, cluster: Cluster, plan: Plan, closed: dict[str, str], now_us: int) -> Explanation:
    """The reason for a job's state; for one that waits, its place in line and what each pool lacks."""
    if job.state is not JobState.QUEUED:
        return _answer(job, None, job.message or _STATES[job.state])
    unmet = cluster.waiting.held.get(job.id)
    if unmet:
        names = ", ".join(sorted(unmet))
        return _answer(job, WaitCode.DEPENDENCY, f"it waits for {names} to succeed", waits_for=sorted(unmet))
    if job.not_before_us > now_us:
        message = f"{job.message}; not before {moment(job.not_before_us):%H:%M:%S} UTC"
        return _answer(job, WaitCode.BACKOFF, message)
    return _in_line(job, cluster, plan, closed, now_us)


# What these wait for is no place.
NEVER_FORESEEN = frozenset({WaitCode.DEPENDENCY, WaitCode.NO_NODE})


def with_start(answer: Explanation, foreseen: Foreseen, now_us: int) -> Explanation:
    """The answer, with when the job is expected to start."""
    at_us = foreseen.starts_at_us
    return replace(
        answer,
        starts_in_s=None if at_us is None else max(0, at_us - now_us) / 1e6,
        starts_after=list(foreseen.after),
        start_unknown=foreseen.unknown,
    )


def _in_line(job: Job, cluster: Cluster, plan: Plan, closed: dict[str, str], now_us: int) -> Explanation:
    key = LineKey(job.queue, job.priority, job.request)
    ahead = 0
    for place in cluster.waiting.lines.get(key, ()):
        if place.job == job.id:
            break
        ahead += 1
    snapshot = Snapshot(at_us=now_us, cluster=cluster)
    reason = plan.waiting.get(key)
    view = cluster.capacity.fork()
    pools = []
    for way in choices(job.request, snapshot.terrain):
        shut = closed.get(way.pool)
        message = f"its provider does not answer: {shut}" if shut else pool_shortage(job.request, way, view)
        pools.append(PoolReason(pool=way.pool, message=message))
    if reason is None:
        return _answer(job, WaitCode.JUST_IN, "it has just come in and is looked at next", ahead=ahead, pools=pools)
    if reason.code is WaitCode.NO_NODE:
        lack = infeasible(job.request, cluster.fleet, snapshot) or reason.message
        return _answer(job, reason.code, _with_obstacle(lack, reason), ahead=ahead, pools=pools)
    reason = replace(reason, message=_with_obstacle(reason.message, reason))
    if reason.code is WaitCode.QUOTA:
        reason = replace(reason, waits_for=_holders(job, cluster, snapshot))
        names = ", ".join(reason.waits_for[:3])
        reason = replace(reason, message=f"{reason.message}; {names} hold the most" if names else reason.message)
    if ahead:
        message = f"{ahead} equal job{'s' * (ahead > 1)} in queue {job.queue} came first; {reason.message}"
        return _answer(job, WaitCode.BEHIND, message, ahead=ahead, pools=pools, waits_for=list(reason.waits_for))
    return _answer(job, reason.code, reason.message, pools=pools, waits_for=list(reason.waits_for))


def _with_obstacle(message: str, reason: WaitReason) -> str:
    return f"{message}; nothing can be bought for it: {reason.obstacle}" if reason.obstacle else message


def _holders(job: Job, cluster: Cluster, snapshot: Snapshot) -> tuple[JobId, ...]:
    """Who holds most of a quota that is in a job's way, the most first."""
    quotas = Quotas(cluster)
    limit = permitted(quotas, LineKey(job.queue, job.priority, job.request), snapshot.terrain, BORROWING).limit
    if limit is None:
        return ()
    below = [a for a in cluster.attempts.values() if limit.queue in path(cluster.jobs[a.job].queue)]
    below.sort(key=lambda a: (-a.accelerator_milli, a.placed_at_us, a.id))
    return tuple(a.job for a in below[:8])


_STATES = {
    JobState.STARTING: "it has its place and is being started",
    JobState.RUNNING: "it runs",
    JobState.PREEMPTING: "it is being stopped",
    JobState.SUCCEEDED: "it has succeeded",
    JobState.FAILED: "it has failed",
    JobState.CANCELLED: "it was cancelled",
}


def _answer(
    job: Job,
    code: WaitCode | None,
    message: str,
    *,
    ahead: int = 0,
    waits_for: list[str] | None = None,
    pools: list[PoolReason] | None = None,
) -> Explanation:
    return Explanation(
        job=job.id,
        state=job.state,
        code=code,
        message=message,
        ahead=ahead,
        waits_for=[*(waits_for or ())],
        pools=pools or [],
    )
