"""The plan's own invariants: a plan that would break one is a bug, and is never carried out."""

from __future__ import annotations

from tauon.model.errors import InvariantViolated
from tauon.model.ids import AttemptId, JobId
from tauon.model.plan import StartAttempt, StopAttempt
from tauon.planner.draft import Draft


def check(draft: Draft) -> None:
    """No accelerator twice, no job twice, each gang whole and in one pool, nothing stopped twice.

    Raises InvariantViolated.
    """
    cluster = draft.snapshot.cluster
    started: set[JobId] = set()
    stopped: set[AttemptId] = set()
    for action in draft.actions:
        match action:
            case StartAttempt(attempt=attempt):
                job = cluster.jobs[attempt.job]
                if attempt.job in started or len(attempt.placement) != job.request.workers:
                    raise InvariantViolated(f"plan: {attempt.id} starts twice or with part of its gang")
                if any(cluster.nodes[w.node].pool != attempt.pool for w in attempt.placement):
                    raise InvariantViolated(f"plan: {attempt.id} is spread over pools")
                started.add(attempt.job)
            case StopAttempt(attempt=attempt_id):
                if attempt_id in stopped or cluster.attempts[attempt_id].stop is not None:
                    raise InvariantViolated(f"plan: {attempt_id} is stopped twice")
                stopped.add(attempt_id)
            case _:
                pass
    for node in draft.touched_nodes:
        room = draft.free.room(node)
        if room is None or room.fault():
            raise InvariantViolated(f"plan: {room.fault() if room else node + ' takes no work'}")
