"""Each fact of the journal told as one sentence for people."""

from __future__ import annotations

from typing import assert_never

from tauon.model.attempt import Attempt
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Fact,
    JobCancelled,
    JobCancelRequested,
    JobFailed,
    JobMigrationRequested,
    JobRequeued,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeRequested,
    NodeShared,
    NodeTerminated,
    OffersPriced,
    PoolConfigured,
    PoolRemoved,
    QueueConfigured,
    QueueRemoved,
    SpotNoticeReceived,
)
from tauon.model.resources import Resources
from tauon.service.views import moment


def tell(fact: Fact) -> str:
    """What happened, in a sentence."""
    match fact:
        case JobSubmitted(job=job):
            return f"{job.user} submitted {job.id} ({job.name}) to queue {job.queue}: {job.request}"
        case AttemptPlaced(attempt=attempt):
            return f"{attempt.id} was given {held(attempt)}"
        case AttemptRunning(attempt_id=attempt_id):
            return f"{attempt_id} runs"
        case AttemptStopRequested():
            return f"{fact.attempt_id} is told to stop within {fact.notice_s:g} s ({fact.cause}): {fact.reason}"
        case AttemptEnded():
            return f"{fact.attempt_id} ended: {fact.outcome}{_because(fact.message)}"
        case JobCancelRequested():
            return f"{fact.by} wants {fact.job_id} cancelled"
        case JobMigrationRequested() if not fact.pool:
            return f"{fact.job_id} moves no more{_because(fact.reason)}"
        case JobMigrationRequested():
            return f"{fact.by} moves {fact.job_id} to {fact.pool}{_because(fact.reason)}"
        case JobRequeued():
            return f"{fact.job_id} waits again{_because(fact.reason)}"
        case JobSucceeded():
            return f"{fact.job_id} succeeded"
        case JobFailed():
            return f"{fact.job_id} failed{_because(fact.reason)}"
        case JobCancelled():
            return f"{fact.job_id} was cancelled by {fact.by}"
        case OffersPriced():
            return f"pool {fact.pool} asks other prices for {len(fact.prices)} of its offers"
        case NodeRequested(node=node):
            return f"node {node.id} is ordered ({node.shape.capacity_type}){_because(fact.reason)}"
        case SpotNoticeReceived():
            return f"node {fact.node_id} will be taken back by whoever lent it at {moment(fact.reclaim_at_us):%H:%M:%S} UTC"
        case NodeReady(node=node):
            return f"node {node.id} is ready: {node.shape.accelerator_count} {node.shape.accelerator or 'accelerators'}"
        case NodeDraining():
            return f"node {fact.node_id} takes no new work{_because(fact.reason)}"
        case NodeShared():
            return f"others hold {_amounts(fact.others)} of node {fact.node_id}"
        case NodeTerminated():
            return f"node {fact.node_id} was given back{_because(fact.reason)}"
        case NodeLost():
            return f"node {fact.node_id} was lost{_because(fact.reason)}"
        case PoolConfigured(pool=pool):
            return f"pool {pool.name} is configured ({pool.provider})"
        case PoolRemoved():
            return f"pool {fact.name} was removed"
        case QueueConfigured(queue=queue):
            return f"queue {queue.name} is configured (weight {queue.weight:g}, priority {queue.priority})"
        case QueueRemoved():
            return f"queue {fact.name} was removed"
        case _:
            assert_never(fact)


def _because(text: str) -> str:
    return f": {text}" if text else ""


def _amounts(amounts: Resources) -> str:
    parts = [
        (amounts.accelerator_milli / 1000, "accelerators"),
        (amounts.cpu_milli / 1000, "cores"),
        (amounts.memory_mib / 1024, "GiB"),
    ]
    return ", ".join(f"{amount:g} {what}" for amount, what in parts if amount) or "nothing"


def held(attempt: Attempt) -> str:
    """What an attempt holds and where, as in `H100:2 on laptop (node-0: 0,1)`."""
    nodes: dict[str, list[int]] = {}
    for worker in attempt.placement:
        nodes.setdefault(worker.node, []).extend(worker.accelerators)
    where = "; ".join(f"{node}: {','.join(map(str, indices))}" if indices else node for node, indices in nodes.items())
    count = attempt.accelerator_milli / 1000
    what = f"{attempt.accelerator}:{count:g} " if attempt.accelerator else ""
    return f"{what}on {attempt.pool} ({where if len(where) < 200 else str(len(nodes)) + ' nodes'})"
