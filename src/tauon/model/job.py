"""A batch workload: a gang of equal workers that runs to completion, with its states and what it may survive."""

from __future__ import annotations

import enum

import msgspec
from msgspec.structs import replace

from tauon.model.ids import AttemptId, JobId, NodeId, QueueName
from tauon.model.resources import Request


class JobState(enum.StrEnum):
    """`queued -> starting -> running -> succeeded | failed | cancelled`; `preempting -> queued`."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PREEMPTING = "preempting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})

# (state, event) -> state. What is not listed can't happen.
JOB_TRANSITIONS: dict[tuple[JobState | None, str], JobState] = {
    (None, "JobSubmitted"): JobState.QUEUED,
    (JobState.QUEUED, "AttemptPlaced"): JobState.STARTING,
    (JobState.QUEUED, "JobCancelled"): JobState.CANCELLED,
    (JobState.QUEUED, "JobFailed"): JobState.FAILED,  # a job that it depends on has failed
    (JobState.STARTING, "AttemptRunning"): JobState.RUNNING,
    (JobState.STARTING, "AttemptStopRequested"): JobState.PREEMPTING,
    (JobState.RUNNING, "AttemptStopRequested"): JobState.PREEMPTING,
    (JobState.PREEMPTING, "AttemptRunning"): JobState.PREEMPTING,  # the news of its start came after the order to stop
    (JobState.STARTING, "AttemptEnded"): JobState.STARTING,  # what follows is in the same transaction:
    (JobState.RUNNING, "AttemptEnded"): JobState.RUNNING,
    (JobState.PREEMPTING, "AttemptEnded"): JobState.PREEMPTING,
    (JobState.STARTING, "JobRequeued"): JobState.QUEUED,
    (JobState.STARTING, "JobSucceeded"): JobState.SUCCEEDED,
    (JobState.STARTING, "JobFailed"): JobState.FAILED,
    (JobState.STARTING, "JobCancelled"): JobState.CANCELLED,
    (JobState.RUNNING, "JobRequeued"): JobState.QUEUED,
    (JobState.RUNNING, "JobSucceeded"): JobState.SUCCEEDED,
    (JobState.RUNNING, "JobFailed"): JobState.FAILED,
    (JobState.RUNNING, "JobCancelled"): JobState.CANCELLED,
    (JobState.PREEMPTING, "JobRequeued"): JobState.QUEUED,
    (JobState.PREEMPTING, "JobSucceeded"): JobState.SUCCEEDED,
    (JobState.PREEMPTING, "JobFailed"): JobState.FAILED,
    (JobState.PREEMPTING, "JobCancelled"): JobState.CANCELLED,
}


class Retries(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How often a job is tried again, by cause. Preemption never uses one up.

    `failed`: a worker exited with an error; `lost`: its node or process vanished; `start`: it could not be started;
    `timeout`: it ran past its time limit. `backoff_s` is the wait before the first retry; it doubles each time.
    """

    failed: int = 0
    lost: int = 3
    start: int = 3
    timeout: int = 0
    backoff_s: float = 1.0


class RetriesUsed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many retries of each cause a job has had."""

    failed: int = 0
    lost: int = 0
    start: int = 0
    timeout: int = 0

    @property
    def total(self) -> int:
        return self.failed + self.lost + self.start + self.timeout


class CheckpointPolicy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a job saves its work: where (relative to the job's own folder), how often, and how it is told to.

    `interval_s` 0 means that only a notice makes it save. `signal` is a name such as SIGTERM.
    """

    path: str = "checkpoint"
    interval_s: float = 0.0
    notice_s: float = 30.0
    signal: str = "SIGTERM"


class Job(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job as it stands. `document` is the specification as submitted (JSON), read again only when it is started."""

    id: JobId
    number: int  # the how-many-th job this control plane was given, from 1; its place in line among equals
    name: str
    queue: QueueName
    user: str
    priority: int
    request: Request
    document: str
    submitted_at_us: int
    state: JobState = JobState.QUEUED
    retries: Retries = Retries()
    retries_used: RetriesUsed = RetriesUsed()
    checkpoint: CheckpointPolicy | None = None
    timeout_s: float | None = None
    deadline_us: int | None = None
    depends_on: tuple[JobId, ...] = ()
    labels: dict[str, str] = {}
    key: str = ""  # the client's idempotency key
    attempt: AttemptId | None = None
    attempts: int = 0
    preemptions: int = 0
    served_us: int = 0  # for how long its attempts before ran, without what was lost with them
    queued_at_us: int = 0  # since when it has been waiting this time
    not_before_us: int = 0
    moves_to: NodeId = NodeId("")  # where a place is kept for it, while it is moved
    cancel_requested_by: str = ""
    started_at_us: int | None = None
    ended_at_us: int | None = None
    unpinned: Request | None = None  # what it asks for when it does not move to a pool, as it does now
    moved_at_us: int = 0  # when it was last told to move
    message: str = ""  # why it is as it is, in a sentence

    def kept_us(self, ran_us: int, *, is_saved: bool) -> int:
        """How much of an attempt that ran for `ran_us` is not lost with it: all where it could save at the end, else
        up to its last regular save."""
        if self.checkpoint is None:
            return 0
        interval_us = round(self.checkpoint.interval_s * 1e6)
        if is_saved:
            return ran_us
        return ran_us - ran_us % interval_us if interval_us else 0

    @property
    def notice_s(self) -> float:
        """Seconds between the notice and the kill."""
        return self.checkpoint.notice_s if self.checkpoint else 5.0

    def told_to_stop(self, state: JobState, reason: str, moves_to: NodeId, at_us: int) -> Job:
        """The job, in its new state, with the node on which it shall go on, if that is decided."""
        moved_at_us = at_us if moves_to else self.moved_at_us
        return replace(self, state=state, message=reason, moves_to=moves_to, moved_at_us=moved_at_us)
