"""A server over a large, made-up state, in a process of its own: what the page is measured on."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tauon.api.app import make_app
from tauon.api.server import serving
from tauon.api.session import Sessions, digest_of
from tauon.economics.folded import FoldedLedger
from tauon.forecast.experience import Experience
from tauon.main.embedded import SystemClock
from tauon.model.attempt import Attempt, WorkerPlacement
from tauon.model.event import (
    AttemptPlaced,
    AttemptRunning,
    Fact,
    JobCancelled,
    JobSubmitted,
    NodeReady,
    PoolConfigured,
    QueueConfigured,
)
from tauon.model.ids import JobId, NodeId, PoolName, QueueName, attempt_id
from tauon.model.job import Job
from tauon.model.money import Rates
from tauon.model.node import Node, NodeShape
from tauon.model.plan import Plan
from tauon.model.pool import Pool
from tauon.model.queue import Queue
from tauon.model.resources import MILLI, AcceleratorRequest, Request
from tauon.reconciler.journal import GroupJournal
from tauon.service.local import LocalControlPlane
from tauon.service.parts import Parts
from tauon.service.submit import Intake
from tauon.service.waste import WasteWatch
from tauon.simulator.nothing import NoBlobs, NoSecrets
from tauon.store.sql_store import SqlStore

TOKEN = "a-token-of-the-benchmark"
QUEUES = [QueueName(name) for name in ("research", "research/vision", "product", "batch")]
EACH = 8
_SHAPE = NodeShape(
    pool=PoolName("big"),
    accelerator="H100",
    accelerator_count=EACH,
    accelerator_memory_gib=80,
    cpu_milli=128 * MILLI,
    memory_mib=1024 * 1024,
    rates=Rates(accelerator_micro_usd=2_490_000),
)
_WANTED = Request(
    accelerators=(AcceleratorRequest(type="H100", milli=EACH * MILLI),), cpu_milli=8 * MILLI, memory_mib=1024
)


def a_job(number: int, now_us: int) -> Job:
    """The `number`-th job of the made-up state."""
    return Job(
        id=JobId(f"j{number}"),
        number=number,
        name=f"train-model-{number % 977}",
        queue=QUEUES[number % len(QUEUES)],
        user=("ada", "grace", "alan")[number % 3],
        priority=0,
        request=_WANTED,
        document='{"run":"python train.py"}',
        submitted_at_us=now_us,
        queued_at_us=now_us,
    )


def state(nodes: int, jobs: int, now_us: int) -> Iterator[list[Fact]]:
    """What has happened, in portions: nine nodes of ten are held, all other jobs wait."""
    yield [
        PoolConfigured(pool=Pool(name=_SHAPE.pool, provider="made-up")),
        *(QueueConfigured(queue=Queue(name=name)) for name in QUEUES),
    ]
    for start in range(0, nodes, 1000):
        numbers = range(start, min(nodes, start + 1000))
        yield [NodeReady(node=Node(id=NodeId(f"n{number:05}"), shape=_SHAPE)) for number in numbers]
    running = min(jobs, nodes * 9 // 10)
    for start in range(1, jobs + 1, 1000):
        facts: list[Fact] = []
        for number in range(start, min(jobs + 1, start + 1000)):
            job = a_job(number, now_us)
            facts.append(JobSubmitted(job=job))
            if number <= running:
                facts += _run(job, NodeId(f"n{number - 1:05}"), now_us)
        yield facts


def _run(job: Job, node: NodeId, now_us: int) -> list[Fact]:
    attempt = Attempt(
        id=attempt_id(job.id, 1),
        job=job.id,
        number=1,
        pool=_SHAPE.pool,
        accelerator="H100",
        resources=job.request.resources(),
        placement=(WorkerPlacement(node=node, accelerators=tuple(range(EACH)), share_milli=MILLI),),
        placed_at_us=now_us,
    )
    return [AttemptPlaced(attempt=attempt), AttemptRunning(attempt_id=attempt.id)]


async def happen(journal: GroupJournal, clock: SystemClock, per_s: list[float]) -> None:
    """Let so many events a second happen: jobs that come and are cancelled."""
    number = journal.cluster.jobs_submitted
    last_s, due = time.monotonic(), 0.0
    while True:
        await asyncio.sleep(0.02)
        now_s = time.monotonic()
        due, last_s = due + per_s[0] * (now_s - last_s), now_s
        facts: list[Fact] = []
        while due >= 2:
            due -= 2
            number += 1
            job = a_job(number, clock.now_us())
            facts += [JobSubmitted(job=job), JobCancelled(job_id=job.id, by="ada")]
        if facts:
            await journal.durable(journal.append(facts))


async def serve(nodes: int, jobs: int, folder: Path) -> None:
    """Serve until standard input ends; each line of it is how many events a second shall happen from then on."""
    store, clock = SqlStore(folder / "tauon.db"), SystemClock()
    store.open()
    journal = GroupJournal(store=store, clock=clock)
    for facts in state(nodes, jobs, clock.now_us()):
        await journal.durable(journal.append(facts))
    experience = Experience()
    parts = Parts(
        journal=journal,
        store=store,
        clock=clock,
        blobs=NoBlobs(),
        secrets=NoSecrets(),
        providers={},
        wake=lambda: None,
        plan=lambda: Plan(seq=journal.cluster.seq, at_us=clock.now_us()),
        closed_pools=dict,
        intake=Intake(store=store, blobs=NoBlobs(), secrets=NoSecrets()),
        ledger=FoldedLedger(lambda after: store.events(after=after)),
        experience=lambda: experience,
        waste=WasteWatch(),
    )
    sessions = Sessions(b"k" * 32, lambda digest: "ada" if digest == digest_of(TOKEN) else None)
    app = make_app(
        lambda user: LocalControlPlane(parts, user), lambda token: "ada" if token == TOKEN else None, sessions=sessions
    )
    per_s = [0.0]
    async with serving(app, port=0) as url:
        task = asyncio.create_task(happen(journal, clock, per_s))
        print(json.dumps({"url": url, "token": TOKEN}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            per_s[0] = float(line)
        task.cancel()
    await journal.close()
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tauon-web-") as made:
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), Path(made)))
