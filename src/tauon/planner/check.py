"""The plan's own invariants: a plan that would break one is a bug, and is never carried out."""

from __future__ import annotations

from tauon.model.errors import InvariantViolated
from tauon.model.ids import AttemptId, JobId
from tauon.model.plan import LaunchNode, MigrateJob, ReleaseNode, StartAttempt, StopAttempt
from tauon.planner.draft import Draft


def check(draft: Draft) -> None:
    """No accelerator twice, no job twice, each gang whole and in one pool, nothing stopped twice, no node given back with work on it.

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
                for worker in attempt.placement:
                    room = draft.free.room(worker.node)
                    if room is None:
                        raise InvariantViolated(f"plan: {worker.node} takes no work")
                    if room.shape.pool != attempt.pool:
                        raise InvariantViolated(f"plan: {attempt.id} is spread over pools")
                started.add(attempt.job)
            case StopAttempt(attempt=attempt_id):
                if attempt_id in stopped or cluster.attempts[attempt_id].stop is not None:
                    raise InvariantViolated(f"plan: {attempt_id} is stopped twice")
                stopped.add(attempt_id)
            case ReleaseNode(node=node_id):
                if cluster.attempts_on(node_id) or node_id in draft.started_on:
                    raise InvariantViolated(f"plan: {node_id} is given back with work on it")
            case LaunchNode(node=bought):
                if bought.id in cluster.nodes:
                    raise InvariantViolated(f"plan: {bought.id} is bought twice")
            case MigrateJob():
                pass
    for room in draft.free.changed:
        fault = room.fault()
        if fault:
            raise InvariantViolated(f"plan: {fault}")
