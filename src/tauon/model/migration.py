"""A job on its way to another pool: held to it until its next attempt is placed, then free to be anywhere again."""

from __future__ import annotations

from msgspec.structs import replace

from tauon.model.attempt import Attempt, StopCause
from tauon.model.ids import NodeId, PoolName
from tauon.model.job import Job, JobState


def pinned(job: Job, pool: PoolName, at_us: int) -> Job:
    """A job that is to move to a pool; to none: it is to move no more."""
    free = unpinned(job)
    if not pool:
        return free
    request = replace(free.request, constraints=replace(free.request.constraints, pools=(pool,)))
    return replace(free, request=request, unpinned=free.request, moved_at_us=at_us)


def unpinned(job: Job) -> Job:
    """A job that may be wherever its own constraints allow."""
    return job if job.unpinned is None else replace(job, request=job.unpinned, unpinned=None)


def placed(job: Job, attempt: Attempt, state: JobState, at_us: int) -> Job:
    """A job whose next attempt has its place."""
    return replace(
        unpinned(job),
        state=state,
        attempt=attempt.id,
        attempts=attempt.number,
        not_before_us=0,
        moves_to=NodeId(""),
        started_at_us=at_us if job.started_at_us is None else job.started_at_us,
        message="",
    )


def left(job: Job, attempt: Attempt) -> Job:
    """A job whose attempt has ended: it still moves only if that is why it was stopped."""
    moves = attempt.stop is not None and attempt.stop.cause is StopCause.MIGRATED
    return job if moves else unpinned(job)
