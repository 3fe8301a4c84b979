"""A large cluster and a crowd of jobs for it: nodes, queues and a seeded mix, and an engine that does as it is told."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import accumulate

from tauon.model.event import Fact, JobSubmitted, PoolConfigured, QueueConfigured
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.job import CheckpointPolicy, Job
from tauon.model.money import Rates
from tauon.model.node import Node, NodeShape
from tauon.model.pool import Capabilities, Pool
from tauon.model.queue import Queue
from tauon.model.resources import MILLI, AcceleratorRequest, Request
from tauon.ports.providers import (
    AcceleratorUse,
    AttemptObserved,
    AttemptsObserved,
    Ending,
    LogChunk,
    NodesObserved,
    Phase,
    ProcessUse,
    Provider,
    Refusal,
    StartOrder,
    StopOrder,
)

POOL = PoolName("hall")
GPUS = 8

# How many GPUs the 82,247 jobs of the Philly trace ask for; the few of 256 and 512 carry its tail on.
WIDTHS = {1: 76630, 2: 1818, 4: 1867, 8: 1645, 16: 197, 32: 66, 64: 8, 128: 4, 256: 2, 512: 1}
# (type, GiB of each, nodes in a hundred, price an hour)
TYPES = (("H100", 80, 40, 2_500_000), ("A100", 80, 40, 1_500_000), ("V100", 32, 20, 600_000))
TEAMS, PROJECTS = 4, 5
# Jobs in a hundred: interactive and production work, the rest, and what runs when nobody else wants to.
PRIORITIES = {10: 10, 0: 80, -10: 10}
CORES_AND_GIB = ((4, 32), (8, 64), (10, 100))  # for each GPU
CHECKPOINTS = CheckpointPolicy(interval_s=600.0, notice_s=30.0)


def nodes(count: int) -> list[Node]:
    """Machines of eight GPUs, of three types."""
    found: list[Node] = []
    for type_, memory_gib, percent, price in TYPES:
        shape = NodeShape(
            pool=POOL,
            accelerator=type_,
            accelerator_count=GPUS,
            accelerator_memory_gib=memory_gib,
            cpu_milli=96_000,
            memory_mib=1 << 20,
            disk_mib=1 << 23,
            rates=Rates(accelerator_micro_usd=price),
        )
        found += [Node(id=NodeId(f"{type_.lower()}-{i}"), shape=shape) for i in range(count * percent // 100)]
    return found


def queues(count: int) -> list[Queue]:
    """Four teams of five projects on this many nodes; each team is guaranteed a fifth of each type."""
    guarantee = {type_: count * percent // 100 * GPUS * MILLI // 5 for type_, _, percent, _ in TYPES}
    found: list[Queue] = []
    for team in range(TEAMS):
        found.append(Queue(name=QueueName(f"team{team}"), weight=1.0 + team % 2, guarantee=guarantee))
        found += [Queue(name=QueueName(f"team{team}/project{p}"), weight=1.0 + p % 3) for p in range(PROJECTS)]
    return found


def configuration(count: int) -> list[Fact]:
    """What an empty cluster of this many nodes is told first."""
    pool = PoolConfigured(pool=Pool(name=POOL, provider="bench"))
    return [pool, *(QueueConfigured(queue=queue) for queue in queues(count))]


class Crowd:
    """Jobs without end, the same for the same seed."""

    def __init__(self, seed: int, count: int) -> None:
        self._random = random.Random(seed)
        self._widths = [(gpus, sum_) for gpus, sum_ in zip(WIDTHS, accumulate(WIDTHS.values()), strict=True)]
        self._count = count
        self._number = 0
        self._requests: dict[tuple[int, int, int], Request] = {}

    def submits(self, how_many: int, now_us: int) -> Iterator[Fact]:
        """The next jobs as events."""
        for _ in range(how_many):
            self._number += 1
            yield JobSubmitted(job=self._job(self._number, now_us))

    def _job(self, number: int, now_us: int) -> Job:
        draw = self._random
        team, project = draw.randrange(TEAMS), draw.randrange(PROJECTS)
        return Job(
            id=JobId(f"j{number}"),
            number=number,
            name="work",
            queue=QueueName(f"team{team}/project{project}"),
            user=f"u{draw.randrange(200)}",
            priority=draw.choices(list(PRIORITIES), list(PRIORITIES.values()))[0],
            request=self._request(
                draw.choices(list(WIDTHS), list(WIDTHS.values()))[0], draw.randrange(4), draw.randrange(3)
            ),
            document="{}",
            submitted_at_us=now_us,
            queued_at_us=now_us,
            checkpoint=CHECKPOINTS,
            timeout_s=float(draw.choice((3600, 86_400, 7 * 86_400))),
        )

    def _request(self, gpus: int, kind: int, size: int) -> Request:
        """One of at most 120 distinct ones: a type, or any of 80 GiB."""
        key = (gpus, kind, size)
        request = self._requests.get(key)
        if request is None:
            each = min(gpus, GPUS)
            cores, memory_gib = CORES_AND_GIB[size]
            one = (
                AcceleratorRequest(type=TYPES[kind][0], milli=each * MILLI)
                if kind < len(TYPES)
                else AcceleratorRequest(memory_gib_min=80, milli=each * MILLI)
            )
            request = self._requests[key] = Request(
                accelerators=(one,),
                cpu_milli=cores * each * MILLI,
                memory_mib=memory_gib * each * 1024,
                workers=gpus // each,
            )
        return request


class Engine(Provider):
    """Implements `ports.providers.Provider`: what is started runs at the next look, until it is told to end."""

    def __init__(self, machines: Sequence[Node]) -> None:
        self._listing = NodesObserved(nodes=tuple(machines))
        self._news: list[AttemptObserved] = []
        self._workers: dict[AttemptId, int] = {}

    def finish(self, attempts: Sequence[AttemptId]) -> None:
        """Let these succeed."""
        for attempt in attempts:
            codes = (0,) * self._workers.pop(attempt)
            self._news.append(AttemptObserved(id=attempt, phase=Phase.ENDED, ending=Ending.EXITED, exit_codes=codes))

    def capabilities(self) -> Capabilities:
        return Capabilities(shares_accelerators=True, gives_notice=True)

    async def observe_nodes(self) -> NodesObserved:
        return self._listing

    async def observe(self, cursor: str) -> AttemptsObserved:
        news, self._news = self._news, []
        return AttemptsObserved(attempts=tuple(news), is_full=not cursor, cursor="next")

    async def start(self, orders: Sequence[StartOrder]) -> Sequence[Refusal]:
        for order in orders:
            self._workers[order.attempt.id] = len(order.attempt.placement)
            self._news.append(AttemptObserved(id=order.attempt.id, phase=Phase.RUNNING))
        return ()

    async def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        self.finish([order.attempt for order in orders if order.attempt in self._workers])
        return ()

    async def forget(self, attempt: AttemptId) -> None:
        self._workers.pop(attempt, None)

    async def logs(self, attempt: AttemptId, *, rank: int, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
        del attempt, rank, offset, follow
        written: Sequence[LogChunk] = ()
        for chunk in written:
            yield chunk

    def sample(self) -> Sequence[AcceleratorUse]:
        return ()

    def usage(self) -> Sequence[ProcessUse]:
        return ()

    async def close(self) -> None:
        """Nothing is to be let go."""
