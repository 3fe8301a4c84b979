"""One try of a job on one placement: where each worker sits, how far it is, how it ended."""

from __future__ import annotations

import enum

import msgspec

from tauon.model.ids import AttemptId, JobId, NodeId, PoolName
from tauon.model.resources import Resources


class AttemptState(enum.StrEnum):
    """`starting -> running -> stopping -> ended`, with short cuts to the right."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


ATTEMPT_TRANSITIONS: dict[tuple[AttemptState | None, str], AttemptState] = {
    (None, "AttemptPlaced"): AttemptState.STARTING,
    (AttemptState.STARTING, "AttemptRunning"): AttemptState.RUNNING,
    (AttemptState.STARTING, "AttemptStopRequested"): AttemptState.STOPPING,
    (AttemptState.STARTING, "AttemptEnded"): AttemptState.ENDED,
    (AttemptState.RUNNING, "AttemptStopRequested"): AttemptState.STOPPING,
    (AttemptState.RUNNING, "AttemptEnded"): AttemptState.ENDED,
    (AttemptState.STOPPING, "AttemptRunning"): AttemptState.STOPPING,
    (AttemptState.STOPPING, "AttemptEnded"): AttemptState.ENDED,
}


class StopCause(enum.StrEnum):
    """Why Tauon stops an attempt."""

    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    MOVED = "moved"  # it goes on on another node, where a place is kept for it
    TIMEOUT = "timeout"
    START_TIMEOUT = "start-timeout"  # it was given a place, and its engine never got it to run
    MIGRATED = "migrated"  # it goes on in another pool
    NODE_LOST = "node-lost"  # part of the gang is gone, so the rest must go


class Outcome(enum.StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    LOST = "lost"  # its node or its process vanished without an exit code
    START_FAILED = "start-failed"


class WorkerPlacement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where one worker sits: the node, the accelerator indices on it, and how much of each (in thousandths)."""

    node: NodeId
    accelerators: tuple[int, ...] = ()
    share_milli: int = 1000


class StopRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order to stop: the cause, the notice before the kill in seconds, when it was decided, and the node on which the
    job goes on, if that is decided too."""

    cause: StopCause
    notice_s: float
    requested_at_us: int
    moves_to: NodeId = NodeId("")


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One try of a job. `resources` is what each worker holds; rank i sits at `placement[i]`; all are in one pool."""

    id: AttemptId
    job: JobId
    number: int
    pool: PoolName
    accelerator: str = ""
    resources: Resources
    placement: tuple[WorkerPlacement, ...]
    state: AttemptState = AttemptState.STARTING
    placed_at_us: int
    running_at_us: int | None = None
    stop: StopRequest | None = None
    ended_at_us: int | None = None
    outcome: Outcome | None = None
    exit_codes: tuple[int | None, ...] = ()
    message: str = ""

    @property
    def total(self) -> Resources:
        """What the whole gang holds."""
        return self.resources * len(self.placement) if len(self.placement) > 1 else self.resources

    @property
    def accelerator_milli(self) -> int:
        """Thousandths of accelerators that the whole gang holds."""
        return self.resources.accelerator_milli * len(self.placement)
