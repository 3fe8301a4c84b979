"""Stop what is no longer wanted: cancelled work, and work that ran past its own time limit."""

from __future__ import annotations

from tauon.model.attempt import AttemptState, StopCause
from tauon.planner.draft import Draft


def stop_unwanted(draft: Draft) -> None:
    """Stop attempts of cancelled jobs and those past their time limit; note when the next limit is reached."""
    cluster = draft.snapshot.cluster
    for attempt_id in cluster.unwanted:
        attempt = cluster.attempts[attempt_id]
        if attempt.state is not AttemptState.STOPPING:
            job = cluster.jobs[attempt.job]
            draft.stop(attempt, StopCause.CANCELLED, job.notice_s, f"cancelled by {job.cancel_requested_by}")
    for attempt_id in cluster.timed:
        attempt = cluster.attempts[attempt_id]
        job = cluster.jobs[attempt.job]
        if attempt.running_at_us is None or job.timeout_s is None or attempt_id in draft.stopping:
            continue
        due_us = attempt.running_at_us + round(job.timeout_s * 1e6)
        if due_us <= draft.snapshot.at_us:
            draft.stop(attempt, StopCause.TIMEOUT, job.notice_s, f"ran past its time limit of {job.timeout_s:g} s")
        else:
            draft.look_again_at(due_us)
