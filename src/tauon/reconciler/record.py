"""Write the intents of a plan to the journal, before anything is done about them."""

from __future__ import annotations

from typing import assert_never

from tauon.model.attempt import AttemptState
from tauon.model.event import AttemptPlaced, AttemptStopRequested, NodeTerminated
from tauon.model.plan import Plan, ReleaseNode, StartAttempt, StopAttempt
from tauon.reconciler.site import Site


def record(site: Site, plan: Plan) -> int:
    """Journal each action and note the order that follows; returns the position up to which to wait.

    There is no await between the decision and this, so the state is still the one that was decided from; the fold
    checks each intent against it once more all the same.
    """
    journal = site.journal
    for action in plan.actions:
        match action:
            case StartAttempt(attempt=attempt, reason=reason):
                journal.append([AttemptPlaced(attempt=attempt, reason=reason)])
                site.owe(attempt.id, attempt.pool, AttemptState.STARTING)
            case StopAttempt(attempt=attempt_id, cause=cause, notice_s=notice_s, reason=why):
                pool = journal.cluster.attempts[attempt_id].pool
                journal.append(
                    [AttemptStopRequested(attempt_id=attempt_id, cause=cause, notice_s=notice_s, reason=why)]
                )
                site.owe(attempt_id, pool, AttemptState.STOPPING)
            case ReleaseNode(node=node, reason=why):
                journal.append([NodeTerminated(node_id=node, reason=why)])
            case _:
                assert_never(action)
    return journal.cluster.seq
