"""Histories that could have happened: every choice is among what the state allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tauon.model.attempt import Attempt, AttemptState, Outcome, StopCause, WorkerPlacement
from tauon.model.cluster import Cluster
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Event,
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
    NodeTerminated,
    OffersPriced,
    PoolConfigured,
    PoolRemoved,
    QueueConfigured,
    QueueRemoved,
    SpotNoticeReceived,
)
from tauon.model.ids import JobId, NodeId, OfferId, PoolName, QueueName, attempt_id
from tauon.model.job import CheckpointPolicy, Job, JobState, RetriesUsed
from tauon.model.money import Rates
from tauon.model.node import NodeState
from tauon.model.offer import OfferPrice, PriceSource
from tauon.model.resources import MILLI, Resources
from tauon.model.room import Room
from tests.builders import H100_RATES, SECOND_US, START_US, a_job, a_node, a_pool, a_queue

Group = list[Fact]
MOST_JOBS_WAITING = 6

CHEAPER = Rates(accelerator_micro_usd=1_500_000, cpu_micro_usd=30_000)


class History:
    """A story told by numbers: each chooses the next group of facts among all that can happen."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self.cluster = cluster or Cluster()
        self.events: list[Event] = []

    @property
    def now_us(self) -> int:
        """A second passes from fact to fact."""
        return START_US + self.cluster.seq * SECOND_US

    def facts(self, choice: int) -> Group:
        """The `choice`-th (modulo their count) group that is possible now; nothing has changed yet."""
        groups = list(self.possible())
        return groups[choice % len(groups)](choice // len(groups))

    def step(self, choice: int) -> list[Event]:
        """Let that group happen."""
        at_us = self.now_us
        happened = []
        for fact in self.facts(choice):
            event = Event(seq=self.cluster.seq + 1, at_us=at_us, fact=fact)
            self.cluster.apply(event)
            happened.append(event)
        self.events += happened
        return happened

    def possible(self) -> Iterator[Callable[[int], Group]]:
        """What can happen now, each with a number for its details."""
        yield self.submit
        yield from self.of_configuration()
        for node in self.cluster.nodes.values():
            yield from self.of_node(node.id, node.state)
        for job in self.cluster.jobs.values():
            if job.state is JobState.QUEUED:
                yield from self.of_queued(job)
        for attempt in self.cluster.attempts.values():
            yield from self.of_attempt(attempt)

    def submit(self, detail: int) -> Group:
        number = self.cluster.jobs_submitted + 1
        live = list(self.cluster.jobs)
        job = a_job(
            number,
            gpus=(1, 2, 4, 0.5, 0)[detail % 5],
            workers=1 + detail % 3,
            priority=detail % 2,
            queue=QueueName(("default", "research/vision")[detail % 2]),
            labels={"team": "vision", "run": str(detail % 4)} if detail % 3 == 0 else {},
            key=f"key-{number}" if detail % 2 else "",
            checkpoint=CheckpointPolicy() if detail % 4 == 0 else None,
            depends_on=(live[detail % len(live)],) if live and detail % 5 == 0 else (),
            submitted_at_us=self.now_us,
        )
        waiting = sum(job.state is JobState.QUEUED for job in self.cluster.jobs.values())
        return [JobSubmitted(job=job)] if waiting < MOST_JOBS_WAITING else []

    def of_configuration(self) -> Iterator[Callable[[int], Group]]:
        yield lambda d: [PoolConfigured(pool=a_pool(f"pool-{d % 2}", region=f"region-{d % 3}"))]
        yield lambda d: [QueueConfigured(queue=a_queue(f"queue-{d % 2}", weight=1.0 + d % 3))]
        if self.cluster.pools:
            yield lambda d: [PoolRemoved(name=sorted(self.cluster.pools)[d % len(self.cluster.pools)])]
        if self.cluster.queues:
            yield lambda d: [QueueRemoved(name=sorted(self.cluster.queues)[d % len(self.cluster.queues)])]
        for node in ("n1", "n2", "n3"):
            if node not in self.cluster.nodes:
                yield partial(self.add_node, NodeId(node))
        yield self.reprice
        for node in ("b1", "b2"):
            if node not in self.cluster.nodes:
                ordered = a_node(node, offer=OfferId("lab/h100x8"))
                yield partial(self.happens, NodeRequested(node=ordered, reason="for j1"))

    def reprice(self, detail: int) -> Group:
        price = OfferPrice(
            offer=OfferId("lab/h100x8"), rates=(H100_RATES, None)[detail % 2], source=PriceSource.PROVIDER
        )
        return [OffersPriced(pool=PoolName("lab"), prices=(price,))]

    def add_node(self, node: NodeId, detail: int) -> Group:
        return [NodeReady(node=a_node(node, rates=(H100_RATES, CHEAPER)[detail % 2]))]

    def of_node(self, node: NodeId, state: NodeState) -> Iterator[Callable[[int], Group]]:
        yield partial(self.add_node, node)
        if state is NodeState.READY:
            yield lambda d: [NodeDraining(node_id=node, reason="drained", release=d % 2 == 0)]
            yield lambda d: [SpotNoticeReceived(node_id=node, reclaim_at_us=self.now_us + d)]
        if not self.cluster.attempts_on(node):
            yield partial(self.leave, node)

    def leave(self, node: NodeId, detail: int) -> Group:
        """A node goes, now and then."""
        if detail % 4:
            return []
        return [NodeLost(node_id=node, reason="it vanished")] if detail % 8 else [NodeTerminated(node_id=node)]

    def of_queued(self, job: Job) -> Iterator[Callable[[int], Group]]:
        yield partial(self.cancel, job.id)
        placement = self.find_place(job) if job.id not in self.cluster.waiting.held else None
        if placement is not None:
            placed = AttemptPlaced(attempt=self.attempt(job, placement), reason="there is room")
            yield from [partial(self.happens, placed)] * 3  # as likely as all that ends it

    def happens(self, fact: Fact, _detail: int) -> Group:
        return [fact]

    def cancel(self, job: JobId, detail: int) -> Group:
        if detail % 3:
            return [JobCancelRequested(job_id=job, by="ada")]
        return [JobCancelled(job_id=job, by="ada"), *self.give_up(job)]

    def move(self, job: JobId, detail: int) -> Group:
        """To a pool, or after all not."""
        pool = PoolName("lab") if detail % 3 else PoolName("")
        return [JobMigrationRequested(job_id=job, pool=pool, by="ada")]

    def of_attempt(self, attempt: Attempt) -> Iterator[Callable[[int], Group]]:
        yield partial(self.move, attempt.job)
        job = self.cluster.jobs[attempt.job]
        if attempt.state is not AttemptState.RUNNING:
            yield lambda _: [AttemptRunning(attempt_id=attempt.id)]
        if attempt.state is not AttemptState.STOPPING:
            yield partial(self.stop, attempt)
        yield partial(self.end, attempt, job)

    def stop(self, attempt: Attempt, detail: int) -> Group:
        cause = list(StopCause)[detail % len(StopCause)]
        stopped = AttemptStopRequested(attempt_id=attempt.id, cause=cause, notice_s=5.0, reason="it has to go")
        return [stopped]

    def end(self, attempt: Attempt, job: Job, detail: int) -> Group:
        outcome = list(Outcome)[detail % len(Outcome)]
        ended = AttemptEnded(attempt_id=attempt.id, outcome=outcome, exit_codes=(detail % 2,), message="")
        again = RetriesUsed(lost=job.retries_used.lost + detail % 2)
        after: tuple[Group, ...] = (
            [JobSucceeded(job_id=job.id)],
            [JobRequeued(job_id=job.id, not_before_us=detail % 2, retries_used=again, reason="once more")],
            [JobFailed(job_id=job.id, reason="exit code 1"), *self.give_up(job.id)],
            [JobCancelled(job_id=job.id, by="ada"), *self.give_up(job.id)],
        )
        return [ended, *after[detail % len(after)]]

    def give_up(self, job: JobId) -> Iterator[Fact]:
        """Those that wait for a job that won't succeed fail with it."""
        for waiting in self.cluster.waiting.dependents(job):
            yield JobFailed(job_id=waiting, reason=f"it waits for {job}")
            yield from self.give_up(waiting)

    def attempt(self, job: Job, placement: Sequence[WorkerPlacement]) -> Attempt:
        return Attempt(
            id=attempt_id(job.id, job.attempts + 1),
            job=job.id,
            number=job.attempts + 1,
            pool=PoolName("lab"),
            accelerator="H100",
            resources=job.request.resources(),
            placement=tuple(placement),
            placed_at_us=self.now_us,
        )

    def find_place(self, job: Job) -> list[WorkerPlacement] | None:
        """The first room for each worker."""
        milli = job.request.resources().accelerator_milli
        fork = self.cluster.capacity.fork()
        placement: list[WorkerPlacement] = []
        for _ in range(job.request.workers):
            for room in fork.rooms():
                share = milli % MILLI or MILLI
                free = [i for i, m in enumerate(room.milli) if m >= share][: -(-milli // MILLI)]
                if len(free) * MILLI >= milli and _has_besides(room, job.request.resources()):
                    worker = WorkerPlacement(node=room.node, accelerators=tuple(free), share_milli=share)
                    fork.change(worker, job.request.resources(), -1)
                    placement.append(worker)
                    break
            else:
                return None
        return placement


def _has_besides(room: Room, want: Resources) -> bool:
    """Whether cores, memory and disk suffice."""
    return want.cpu_milli <= room.cpu_milli and want.memory_mib <= room.memory_mib and want.disk_mib <= room.disk_mib
