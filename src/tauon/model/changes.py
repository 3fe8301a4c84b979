"""What folding events has changed since the store last asked: the rows that must be written with those events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tauon.model.attempt import Attempt
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.job import Job
from tauon.model.node import Node
from tauon.model.pool import Pool
from tauon.model.queue import Queue
from tauon.model.resources import MILLI, Resources
from tauon.model.usage import UsageRecord


class Changes:
    """The last value of every noun that changed (None: gone from the configuration) and the usage records closed.

    Several events about one job cost one row.
    """

    __slots__ = ("attempts", "jobs", "nodes", "pools", "queues", "usage")

    def __init__(self) -> None:
        self.jobs: dict[JobId, Job] = {}
        self.attempts: dict[AttemptId, Attempt] = {}
        self.nodes: dict[NodeId, Node] = {}
        self.pools: dict[PoolName, Pool | None] = {}
        self.queues: dict[QueueName, Queue | None] = {}
        self.usage: list[UsageRecord] = []

    def meter_work(self, attempt: Attempt, job: Job, nodes: Mapping[NodeId, Node]) -> None:
        """Close the usage records of an attempt that ended."""
        assert attempt.ended_at_us is not None
        self.usage.extend(work_records(attempt, job, nodes, attempt.ended_at_us))

    def meter_node(self, node: Node, live: Iterable[Attempt], jobs: Mapping[JobId, Job], at_us: int) -> None:
        """Close the usage records of a node whose price or amounts change, and of what runs on it."""
        record = capacity_record(node, at_us)
        if record.to_us > record.from_us:
            self.usage.append(record)
        for attempt in live:
            self.usage.extend(r for r in work_records(attempt, jobs[attempt.job], {node.id: node}, at_us))


def capacity_record(node: Node, to_us: int) -> UsageRecord:
    """All that a node has, since its price last changed."""
    return UsageRecord(
        node=node.id,
        pool=node.pool,
        accelerator=node.shape.accelerator,
        resources=node.shape.capacity,
        rates=node.shape.rates,
        from_us=node.metered_from_us,
        to_us=to_us,
    )


def work_records(attempt: Attempt, job: Job, nodes: Mapping[NodeId, Node], to_us: int) -> list[UsageRecord]:
    """What an attempt holds on each of the given nodes, from its placing or the node's last change of price."""
    held: dict[NodeId, Resources] = {}
    for worker in attempt.placement:
        if worker.node in nodes:
            milli = len(worker.accelerators) * (worker.share_milli if worker.share_milli < MILLI else MILLI)
            amounts = Resources(
                accelerator_milli=milli,
                cpu_milli=attempt.resources.cpu_milli,
                memory_mib=attempt.resources.memory_mib,
                disk_mib=attempt.resources.disk_mib,
            )
            held[worker.node] = held.get(worker.node, Resources()) + amounts
    records = []
    for node_id, amounts in held.items():
        node = nodes[node_id]
        record = UsageRecord(
            node=node_id,
            pool=node.pool,
            accelerator=node.shape.accelerator,
            job=job.id,
            attempt=attempt.id,
            queue=job.queue,
            user=job.user,
            resources=amounts,
            rates=node.shape.rates,
            from_us=max(attempt.placed_at_us, node.metered_from_us),
            to_us=to_us,
        )
        if record.to_us > record.from_us:
            records.append(record)
    return records
