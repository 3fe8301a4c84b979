"""Builders with defaults: every test says only what matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tauon.model.attempt import Attempt, Outcome, WorkerPlacement
from tauon.model.cluster import Cluster
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    Event,
    Fact,
    JobSubmitted,
    NodeReady,
    PoolConfigured,
    QueueConfigured,
)
from tauon.model.ids import JobId, NodeId, OfferId, PoolName, QueueName, attempt_id
from tauon.model.job import Job
from tauon.model.money import Rates
from tauon.model.node import Node, NodeShape
from tauon.model.offer import Offer, PriceSource
from tauon.model.pool import Pool
from tauon.model.queue import DEFAULT_QUEUE, Queue
from tauon.model.resources import MILLI, AcceleratorRequest, CapacityType, Request

START_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
SECOND_US = 1_000_000
H100_RATES = Rates(accelerator_micro_usd=2_000_000, cpu_micro_usd=30_000, memory_gib_micro_usd=4_000)

_SHAPE_FIELDS = frozenset(f.name for f in msgspec.structs.fields(NodeShape))


def a_request(
    *, gpus: float = 1, kinds: Sequence[str] = ("H100",), workers: int = 1, cpu: float = 1, **fields: Any
) -> Request:
    """What each worker asks for: `gpus` of one of `kinds` (0 for none; a fraction is a share), `cpu` cores, 1 GiB."""
    accelerators = tuple(AcceleratorRequest(type=kind, milli=round(gpus * MILLI)) for kind in kinds) if gpus else ()
    return Request(
        accelerators=accelerators,
        cpu_milli=round(cpu * MILLI),
        memory_mib=fields.pop("memory_mib", 1024),
        workers=workers,
        **fields,
    )


def a_job(number: int = 1, *, gpus: float = 1, workers: int = 1, request: Request | None = None, **fields: Any) -> Job:
    """The `number`-th job, `j<number>`; other fields of Job by name."""
    defaults: dict[str, Any] = {
        "id": JobId(f"j{number}"),
        "number": number,
        "name": f"train-{number}",
        "queue": DEFAULT_QUEUE,
        "user": "ada",
        "priority": 0,
        "request": request or a_request(gpus=gpus, workers=workers),
        "document": '{"run":"true"}',
        "submitted_at_us": START_US,
        "queued_at_us": fields.get("submitted_at_us", START_US),
    }
    return Job(**(defaults | fields))


def a_node(name: str = "n1", *, gpus: int = 8, **fields: Any) -> Node:
    """A node with H100s, in the pool `lab`; other fields of Node or NodeShape by name."""
    shape: dict[str, Any] = {
        "pool": PoolName("lab"),
        "accelerator": "H100" if gpus else "",
        "accelerator_count": gpus,
        "accelerator_memory_gib": 80 if gpus else 0,
        "cpu_milli": 64 * MILLI,
        "memory_mib": 512 * 1024,
        "disk_mib": 1024 * 1024,
        "rates": H100_RATES,
    }
    shape |= {key: fields.pop(key) for key in list(fields) if key in _SHAPE_FIELDS}
    defaults: dict[str, Any] = {"ready_at_us": START_US, "metered_from_us": START_US}
    return Node(id=NodeId(name), shape=NodeShape(**shape), **(defaults | fields))


def an_offer(name: str = "h100x8", *, gpus: int = 8, usd_per_h: float = 16.0, **fields: Any) -> Offer:
    """A node with H100s in the pool `sky`, on demand, whose whole price is that of its accelerators; other fields of
    Offer or NodeShape by name."""
    shape: dict[str, Any] = {
        "pool": PoolName("sky"),
        "accelerator": "H100" if gpus else "",
        "accelerator_count": gpus,
        "accelerator_memory_gib": 80 if gpus else 0,
        "cpu_milli": 64 * MILLI,
        "memory_mib": 512 * 1024,
        "disk_mib": 1024 * 1024,
        "capacity_type": CapacityType.ON_DEMAND,
        "rates": Rates(accelerator_micro_usd=round(usd_per_h * 1e6 / gpus))
        if gpus
        else Rates(cpu_micro_usd=round(usd_per_h * 1e6 / 64)),
    }
    shape |= {key: fields.pop(key) for key in list(fields) if key in _SHAPE_FIELDS}
    defaults: dict[str, Any] = {"priced_at_us": START_US, "source": PriceSource.PROVIDER, "boot_s": 60.0}
    return Offer(id=OfferId(f"{shape['pool']}/{name}"), shape=NodeShape(**shape), **(defaults | fields))


def an_attempt(job: Job | None = None, *, nodes: Sequence[str] = ("n1",), first: int = 0, **fields: Any) -> Attempt:
    """The next attempt of a job in the pool `lab`: its workers in turn on `nodes`, on accelerators from `first` on."""
    job = job or a_job()
    held = job.request.resources()
    share, whole = held.accelerator_milli % MILLI, held.accelerator_milli // MILLI
    used = dict.fromkeys(nodes, first)
    placement = []
    for rank in range(job.request.workers):
        node = nodes[rank % len(nodes)]
        count = whole or (1 if share else 0)
        indices = tuple(range(used[node], used[node] + count))
        used[node] += count
        placement.append(WorkerPlacement(node=NodeId(node), accelerators=indices, share_milli=share or MILLI))
    number = fields.pop("number", job.attempts + 1)
    defaults: dict[str, Any] = {
        "id": attempt_id(job.id, number),
        "job": job.id,
        "number": number,
        "pool": PoolName("lab"),
        "accelerator": job.request.accelerators[0].type if job.request.accelerators else "",
        "resources": held,
        "placement": tuple(placement),
        "placed_at_us": START_US,
    }
    return Attempt(**(defaults | fields))


def a_pool(name: str = "lab", **fields: Any) -> Pool:
    """An owned pool of the simulated provider, priced as `H100_RATES`."""
    prices = {"H100": "2", "cpu": "0.03", "memory_gib": "0.004"}
    return Pool(**({"name": PoolName(name), "provider": "simulated", "prices_usd_per_h": prices} | fields))


def a_queue(name: str = DEFAULT_QUEUE, **fields: Any) -> Queue:
    """A queue of weight 1."""
    return Queue(name=QueueName(name), **fields)


def events_of(facts: Iterable[Fact], *, seq: int = 1, at_us: int = START_US, step_us: int = SECOND_US) -> list[Event]:
    """Facts as lines of the journal: the first at position `seq` and time `at_us`, the others a step apart each."""
    return [Event(seq=seq + i, at_us=at_us + i * step_us, fact=fact) for i, fact in enumerate(facts)]


def a_cluster(*facts: Fact) -> Cluster:
    """The state after a journal of these facts, one a second."""
    cluster = Cluster()
    for event in events_of(facts):
        cluster.apply(event)
    return cluster


def a_house(*, nodes: int = 1) -> list[Fact]:
    """The facts with which most stories begin: the pool `lab`, the default queue, and nodes `n1`, `n2` ... of 8 H100."""
    ready = [NodeReady(node=a_node(f"n{i}")) for i in range(1, nodes + 1)]
    return [PoolConfigured(pool=a_pool()), QueueConfigured(queue=a_queue()), *ready]


def a_run(job: Job, attempt: Attempt) -> list[Fact]:
    """A job's way from its submission until it runs."""
    return [JobSubmitted(job=job), AttemptPlaced(attempt=attempt), AttemptRunning(attempt_id=attempt.id)]


def an_end(attempt: Attempt, **fields: Any) -> AttemptEnded:
    """The end of an attempt, with success unless `outcome` says otherwise."""
    defaults: dict[str, Any] = {"outcome": Outcome.SUCCEEDED, "exit_codes": (0,) * len(attempt.placement)}
    return AttemptEnded(attempt_id=attempt.id, **(defaults | fields))
