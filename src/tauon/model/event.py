"""What has happened, in the past tense: the closed union of facts that the journal consists of."""

from __future__ import annotations

import msgspec

from tauon.model.attempt import Attempt, Outcome, StopCause
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.job import Job, RetriesUsed
from tauon.model.node import Node
from tauon.model.offer import OfferPrice
from tauon.model.pool import Pool
from tauon.model.queue import Queue
from tauon.model.resources import Resources


class _Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag=True):
    """Base of all facts; the class name is the tag."""


class PoolConfigured(_Fact, frozen=True, kw_only=True):
    """A pool was added or its settings changed."""

    pool: Pool


class PoolRemoved(_Fact, frozen=True, kw_only=True):
    """A pool left the configuration; its nodes have been terminated before."""

    name: PoolName


class QueueConfigured(_Fact, frozen=True, kw_only=True):
    """A queue was added or its settings changed."""

    queue: Queue


class QueueRemoved(_Fact, frozen=True, kw_only=True):
    """A queue left the configuration; nothing waits in it."""

    name: QueueName


class OffersPriced(_Fact, frozen=True, kw_only=True):
    """What a pool asks for some of its offers from now on: the points of a time series."""

    pool: PoolName
    prices: tuple[OfferPrice, ...]


class NodeRequested(_Fact, frozen=True, kw_only=True):
    """The decision to buy a node: written before its provider is asked."""

    node: Node
    reason: str = ""


class NodeReady(_Fact, frozen=True, kw_only=True):
    """A node can be used from now on, or came back with other amounts or prices."""

    node: Node


class NodeDraining(_Fact, frozen=True, kw_only=True):
    """A node takes no new work; with `release`, it is given back."""

    node_id: NodeId
    reason: str
    release: bool = False


class SpotNoticeReceived(_Fact, frozen=True, kw_only=True):
    """Whoever lent a node takes it back at a time; it takes no new work, and what runs there saves itself."""

    node_id: NodeId
    reclaim_at_us: int


class NodeShared(_Fact, frozen=True, kw_only=True):
    """Others than Tauon hold this much of a node now (nothing of it, if all amounts are 0)."""

    node_id: NodeId
    others: Resources


class NodeTerminated(_Fact, frozen=True, kw_only=True):
    """A node was given back; it costs nothing from now on."""

    node_id: NodeId
    reason: str = ""


class NodeLost(_Fact, frozen=True, kw_only=True):
    """A node vanished."""

    node_id: NodeId
    reason: str


class JobSubmitted(_Fact, frozen=True, kw_only=True):
    """A job was accepted; it is durable when its submitter hears so."""

    job: Job


class JobCancelRequested(_Fact, frozen=True, kw_only=True):
    """Somebody wants a job that holds a placement to end."""

    job_id: JobId
    by: str


class JobMigrationRequested(_Fact, frozen=True, kw_only=True):
    """A job is to go on in another pool; with none named, it is to stay where it is after all."""

    job_id: JobId
    pool: PoolName
    by: str
    reason: str = ""


class JobRequeued(_Fact, frozen=True, kw_only=True):
    """A job whose attempt ended waits again, not before the given time."""

    job_id: JobId
    not_before_us: int
    retries_used: RetriesUsed
    reason: str


class JobSucceeded(_Fact, frozen=True, kw_only=True):
    """All workers of a job exited with 0."""

    job_id: JobId


class JobFailed(_Fact, frozen=True, kw_only=True):
    """A job ended and won't be tried again."""

    job_id: JobId
    reason: str


class JobCancelled(_Fact, frozen=True, kw_only=True):
    """A job ended because somebody wanted it to."""

    job_id: JobId
    by: str


class AttemptPlaced(_Fact, frozen=True, kw_only=True):
    """The decision to run a job on a placement: written before the provider is asked."""

    attempt: Attempt
    reason: str = ""


class AttemptRunning(_Fact, frozen=True, kw_only=True):
    """All workers of an attempt run."""

    attempt_id: AttemptId


class AttemptStopRequested(_Fact, frozen=True, kw_only=True):
    """The decision to stop an attempt: written before the provider is asked."""

    attempt_id: AttemptId
    cause: StopCause
    notice_s: float
    reason: str
    moves_to: NodeId = NodeId("")


class AttemptEnded(_Fact, frozen=True, kw_only=True):
    """No process of an attempt is left; what it held is free."""

    attempt_id: AttemptId
    outcome: Outcome
    exit_codes: tuple[int | None, ...] = ()
    message: str = ""


Fact = (
    PoolConfigured
    | PoolRemoved
    | QueueConfigured
    | QueueRemoved
    | OffersPriced
    | NodeRequested
    | NodeReady
    | NodeDraining
    | SpotNoticeReceived
    | NodeShared
    | NodeTerminated
    | NodeLost
    | JobSubmitted
    | JobCancelRequested
    | JobMigrationRequested
    | JobRequeued
    | JobSucceeded
    | JobFailed
    | JobCancelled
    | AttemptPlaced
    | AttemptRunning
    | AttemptStopRequested
    | AttemptEnded
)


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of the journal: its position (from 1, without gaps), its time in microseconds, and the fact."""

    seq: int
    at_us: int
    fact: Fact

    @property
    def type(self) -> str:
        return type(self.fact).__name__


def subject_of(fact: Fact) -> str:
    """The id of what a fact is about, by which the journal can be filtered (a job's id for all its attempts)."""
    match fact:
        case PoolConfigured():
            return fact.pool.name
        case QueueConfigured():
            return fact.queue.name
        case PoolRemoved() | QueueRemoved():
            return fact.name
        case OffersPriced():
            return fact.pool
        case NodeRequested() | NodeReady():
            return fact.node.id
        case NodeDraining() | SpotNoticeReceived() | NodeShared() | NodeTerminated() | NodeLost():
            return fact.node_id
        case JobSubmitted():
            return fact.job.id
        case AttemptPlaced():
            return fact.attempt.job
        case AttemptRunning() | AttemptStopRequested() | AttemptEnded():
            return fact.attempt_id.rpartition("-")[0]
        case (
            JobCancelRequested()
            | JobMigrationRequested()
            | JobRequeued()
            | JobSucceeded()
            | JobFailed()
            | JobCancelled()
        ):
            return fact.job_id
