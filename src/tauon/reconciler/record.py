"""Write the intents of a plan to the journal, before anything is done about them."""

from __future__ import annotations

from typing import assert_never

from tauon.model.attempt import AttemptState
from tauon.model.event import (
    AttemptPlaced,
    AttemptStopRequested,
    JobMigrationRequested,
    NodeDraining,
    NodeRequested,
    NodeTerminated,
)
from tauon.model.ids import NodeId
from tauon.model.node import NodeState
from tauon.model.plan import LaunchNode, MigrateJob, Plan, ReleaseNode, StartAttempt, StopAttempt
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
            case StopAttempt(attempt=attempt_id, cause=cause, notice_s=notice_s, reason=why, moves_to=node):
                pool = journal.cluster.attempts[attempt_id].pool
                fact = AttemptStopRequested(
                    attempt_id=attempt_id, cause=cause, notice_s=notice_s, reason=why, moves_to=node
                )
                journal.append([fact])
                site.owe(attempt_id, pool, AttemptState.STOPPING)
            case MigrateJob(job=job, pool=to, reason=why):
                journal.append([JobMigrationRequested(job_id=job, pool=to, by="the planner", reason=why)])
            case LaunchNode(node=node, reason=why):
                journal.append([NodeRequested(node=node, reason=why)])
                site.owe_node(journal.cluster.nodes[node.id])
            case ReleaseNode(node=node_id, reason=why):
                _release(site, node_id, why)
            case _:
                assert_never(action)
    return journal.cluster.seq


def _release(site: Site, node_id: NodeId, why: str) -> None:
    """What was never there is over at once; should it come after all, nobody asked for it. What is there drains first,
    and is over when its provider does not list it any more."""
    journal = site.journal
    node = journal.cluster.nodes[node_id]
    if node.state is not NodeState.REQUESTED:
        journal.append([NodeDraining(node_id=node_id, reason=why, release=True)])
        site.owe_node(journal.cluster.nodes[node_id])
        return
    journal.append([NodeTerminated(node_id=node_id, reason=why)])
    pool = site.pools.get(node.pool)
    if pool is not None:
        pool.launches.pop(node_id, None)
        pool.terminations[node_id] = 0
