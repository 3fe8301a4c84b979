"""Stop what is no longer wanted: cancelled work, work that ran past its own time limit, and what never gets to run."""

from __future__ import annotations

from tauon.model.attempt import AttemptState, StopCause
from tauon.planner.draft import Draft


def stop_unwanted(draft: Draft) -> None:
    """Stop attempts of cancelled jobs and those past a time limit; note when the next limit is reached."""
    cluster = draft.snapshot.cluster
    for attempt_id in cluster.live.unwanted:
        attempt = cluster.attempts[attempt_id]
        if attempt.state is not AttemptState.STOPPING:
            job = cluster.jobs[attempt.job]
            draft.stop(attempt, StopCause.CANCELLED, job.notice_s, f"cancelled by {job.cancel_requested_by}")
    now_us = draft.snapshot.at_us
    for attempt_id in cluster.live.timeouts.until(now_us):
        if attempt_id not in draft.stopping:
            job = cluster.jobs[cluster.attempts[attempt_id].job]
            why = f"ran past its time limit of {job.timeout_s:g} s"
            draft.stop(cluster.attempts[attempt_id], StopCause.TIMEOUT, job.notice_s, why)
    next_us = cluster.live.timeouts.next_after(now_us)
    if next_us is not None:
        draft.look_again_at(next_us)
    _stop_what_never_starts(draft)


def _stop_what_never_starts(draft: Draft) -> None:
    """An engine may lose a start, or wait for an image for ever: the job is tried again, at most as often as it says."""
    cluster, now_us = draft.snapshot.cluster, draft.snapshot.at_us
    for attempt_id in cluster.live.starting:
        attempt = cluster.attempts[attempt_id]
        pool = cluster.pools.get(attempt.pool)
        if pool is None or attempt_id in draft.stopping:
            continue
        until_us = attempt.placed_at_us + round(pool.start_timeout_s * 1e6)
        if now_us < until_us:
            draft.look_again_at(until_us)
        else:
            why = f"pool {pool.name} did not get it to run within {pool.start_timeout_s:g} s"
            draft.stop(attempt, StopCause.START_TIMEOUT, 0.0, why)
