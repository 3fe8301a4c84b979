"""From nouns to views: what people and programs are shown of the state."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from tauon.model.attempt import Attempt
from tauon.model.cluster import Cluster
from tauon.model.event import Event, subject_of
from tauon.model.ids import AttemptId
from tauon.model.job import Job
from tauon.model.money import Money, hourly
from tauon.model.node import Node, NodeShape
from tauon.model.pool import Capabilities, Pool
from tauon.model.resources import MILLI
from tauon.service.story import held, tell
from tauon.service.views import (
    AttemptView,
    EventView,
    JobView,
    NodeView,
    PoolView,
    moment,
    moment_or_none,
)


def job_view(job: Job, attempts: Mapping[AttemptId, Attempt]) -> JobView:
    """A job as a line of a list."""
    attempt = attempts.get(job.attempt) if job.attempt else None
    return JobView(
        id=job.id,
        name=job.name,
        state=job.state,
        queue=job.queue,
        user=job.user,
        priority=job.priority,
        workers=job.request.workers,
        request=str(job.request),
        where=held(attempt) if attempt else "",
        attempts=job.attempts,
        preemptions=job.preemptions,
        retries=job.retries_used.total,
        submitted_at=moment(job.submitted_at_us),
        started_at=moment_or_none(job.started_at_us),
        ended_at=moment_or_none(job.ended_at_us),
        message=job.message,
        labels=job.labels,
        pool=attempt.pool if attempt else "",
        nodes=list(dict.fromkeys(worker.node for worker in attempt.placement)) if attempt else [],
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """One try of a job."""
    workers = [
        f"{w.node}:{','.join(map(str, w.accelerators))}" if w.accelerators else w.node for w in attempt.placement
    ]
    return AttemptView(
        id=attempt.id,
        number=attempt.number,
        state=attempt.state,
        pool=attempt.pool,
        accelerator=attempt.accelerator,
        workers=workers,
        placed_at=moment(attempt.placed_at_us),
        running_at=moment_or_none(attempt.running_at_us),
        ended_at=moment_or_none(attempt.ended_at_us),
        outcome=attempt.outcome,
        stop_cause=attempt.stop.cause if attempt.stop else "",
        exit_codes=list(attempt.exit_codes),
        message=attempt.message,
    )


def event_view(event: Event) -> EventView:
    """A line of the journal with its sentence."""
    return EventView(
        seq=event.seq,
        at=moment(event.at_us),
        type=event.type,
        subject=subject_of(event.fact),
        text=tell(event.fact),
        fact=msgspec.Raw(msgspec.json.encode(event.fact)),
    )


def price_usd_per_h(shape: NodeShape) -> Decimal:
    """What a node of this shape costs an hour."""
    return hourly(shape.rates, shape.capacity).usd


def node_view(node: Node, cluster: Cluster) -> NodeView:
    """A node with what is free on it (nothing where it takes no work)."""
    room = cluster.capacity.room(node.id)
    shape = node.shape
    jobs = dict.fromkeys(cluster.attempts[a].job for a in cluster.attempts_on(node.id))
    return NodeView(
        id=node.id,
        pool=node.pool,
        state=node.state,
        accelerator=shape.accelerator,
        accelerators=shape.accelerator_count,
        accelerators_free=sum(room.milli) / MILLI if room else 0.0,
        cpu_cores=shape.cpu_milli / MILLI,
        cpu_free=room.cpu_milli / MILLI if room else 0.0,
        memory_gib=shape.memory_mib / 1024,
        memory_free_gib=room.memory_mib / 1024 if room else 0.0,
        capacity_type=shape.capacity_type,
        region=shape.region,
        price_usd_per_h=price_usd_per_h(shape),
        virtual=node.virtual,
        jobs=list(jobs),
        ready_at=moment(node.ready_at_us),
        message=node.message,
    )


def pool_view(pool: Pool, cluster: Cluster, capabilities: Capabilities, message: str) -> PoolView:
    """A pool with its totals."""
    total: dict[str, int] = {}
    free: dict[str, float] = {}
    nodes = 0
    price = Money()
    for shape, count in cluster.fleet.items():
        if shape.pool != pool.name:
            continue
        nodes += count
        price = price + Money(hourly(shape.rates, shape.capacity).atoms * count)
        if shape.accelerator:
            total[shape.accelerator] = total.get(shape.accelerator, 0) + count * shape.accelerator_count
            free.setdefault(shape.accelerator, 0.0)
            if shape in cluster.capacity.shapes:
                rooms = (r for w in range(shape.accelerator_count + 1) for r in cluster.capacity.bucket(shape, w))
                free[shape.accelerator] += sum(sum(room.milli) for room in rooms) / MILLI
    return PoolView(
        name=pool.name,
        provider=pool.provider,
        region=pool.region,
        residency=list(pool.residency),
        capacity_type=pool.capacity_type,
        nodes=nodes,
        accelerators=total,
        accelerators_free=free,
        price_usd_per_h=price.usd,
        capabilities=capabilities,
        message=message,
    )
