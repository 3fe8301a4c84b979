"""What becomes of a job whose attempt ended: done, tried again after a wait, waiting again, or failed for good."""

from __future__ import annotations

from msgspec.structs import replace

from tauon.model.attempt import Attempt, Outcome, StopCause
from tauon.model.cluster import Cluster
from tauon.model.event import Fact, JobCancelled, JobFailed, JobRequeued, JobSucceeded
from tauon.model.ids import JobId
from tauon.model.job import Job, RetriesUsed

LONGEST_BACKOFF_S = 600.0
_STOPPED = {
    StopCause.CANCELLED: Outcome.CANCELLED,
    StopCause.PREEMPTED: Outcome.PREEMPTED,
    StopCause.MOVED: Outcome.PREEMPTED,
    StopCause.TIMEOUT: Outcome.TIMED_OUT,
    StopCause.START_TIMEOUT: Outcome.START_FAILED,
    StopCause.MIGRATED: Outcome.PREEMPTED,
    StopCause.NODE_LOST: Outcome.LOST,
}


def outcome_of_exit(job: Job, attempt: Attempt, exit_codes: tuple[int | None, ...]) -> Outcome:
    """How an attempt whose workers all exited ended.

    Exit code 0 everywhere is success, with one exception: a job that checkpoints and was told to stop may exit with 0
    after saving, so it is taken as stopped; should it have been done, its next attempt finds nothing left to do.
    """
    clean = all(code == 0 for code in exit_codes) and bool(exit_codes)
    if attempt.stop is not None and not (clean and job.checkpoint is None):
        return _STOPPED[attempt.stop.cause]
    return Outcome.SUCCEEDED if clean else Outcome.FAILED


def outcome_of_loss(attempt: Attempt) -> Outcome:
    """How an attempt that vanished ended: as it was meant to, if it was being stopped."""
    return _STOPPED[attempt.stop.cause] if attempt.stop is not None else Outcome.LOST


def settle(cluster: Cluster, job: Job, outcome: Outcome, message: str, at_us: int) -> list[Fact]:
    """The facts that follow the end of a job's attempt, to be journalled with it."""
    match outcome:
        case Outcome.SUCCEEDED:
            return [JobSucceeded(job_id=job.id)]
        case _ if job.cancel_requested_by or outcome is Outcome.CANCELLED:
            by = job.cancel_requested_by or "the engine"
            return [JobCancelled(job_id=job.id, by=by), *fail_dependents(cluster, job.id, "was cancelled")]
        case Outcome.PREEMPTED:
            return [
                JobRequeued(
                    job_id=job.id, not_before_us=0, retries_used=job.retries_used, reason=message or job.message
                )
            ]
        case _:
            return _retry_or_fail(cluster, job, outcome, message, at_us)


def _retry_or_fail(cluster: Cluster, job: Job, outcome: Outcome, message: str, at_us: int) -> list[Fact]:
    used, allowed = job.retries_used, job.retries
    match outcome:
        case Outcome.FAILED:
            left, after = allowed.failed - used.failed, replace(used, failed=used.failed + 1)
        case Outcome.LOST:
            left, after = allowed.lost - used.lost, replace(used, lost=used.lost + 1)
        case Outcome.START_FAILED:
            left, after = allowed.start - used.start, replace(used, start=used.start + 1)
        case _:
            left, after = allowed.timeout - used.timeout, replace(used, timeout=used.timeout + 1)
    if left <= 0:
        reason = message or f"its attempt {job.attempts} ended: {outcome}"
        return [JobFailed(job_id=job.id, reason=reason), *fail_dependents(cluster, job.id, "failed")]
    wait_s = backoff_s(allowed.backoff_s, used)
    reason = f"{message or outcome}; trying again in {wait_s:g} s (retry {after.total})"
    not_before_us = at_us + round(wait_s * 1e6)
    return [JobRequeued(job_id=job.id, not_before_us=not_before_us, retries_used=after, reason=reason)]


def backoff_s(first_s: float, used: RetriesUsed) -> float:
    """Seconds to wait before the next retry: doubled each time, never more than ten minutes."""
    return min(LONGEST_BACKOFF_S, first_s * 2.0 ** min(used.total, 30))


def fail_dependents(cluster: Cluster, job: JobId, how: str) -> list[Fact]:
    """Jobs that wait for a job that will never succeed fail too, and those that wait for them."""
    facts: list[Fact] = []
    reached = {job}
    todo = [(job, how)]
    while todo:
        before, what = todo.pop()
        for waiting in cluster.waiting.dependents(before):
            if waiting not in reached:
                reached.add(waiting)
                facts.append(JobFailed(job_id=waiting, reason=f"{before}, which it depends on, {what}"))
                todo.append((waiting, "failed"))
    return facts
