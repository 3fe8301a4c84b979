"""The two ports of an engine: where nodes come from, and who runs attempts on them."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from tauon.model.attempt import Attempt, StopCause
from tauon.model.errors import ProviderError
from tauon.model.ids import AttemptId, NodeId
from tauon.model.job import Job
from tauon.model.node import Node
from tauon.model.pool import Capabilities, Pool


class NodesObserved(msgspec.Struct, frozen=True, kw_only=True):
    """The nodes that a provider has now. Nodes known to Tauon and missing here are lost."""

    nodes: tuple[Node, ...]


class Phase(enum.StrEnum):
    """How far a provider has come with an attempt."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


class Ending(enum.StrEnum):
    """How the processes of an attempt ended, as far as the provider can tell."""

    EXITED = "exited"  # every worker has an exit code
    LOST = "lost"  # it vanished without an exit code
    NOT_STARTED = "not-started"  # it could not be started; the message says why
    PREEMPTED = "preempted"  # its engine took its place away for somebody else


class AcceleratorUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One sample of one accelerator: utilisation in percent, memory in MiB; None where it can't be measured."""

    node: NodeId
    index: int
    utilisation_pct: float | None = None
    memory_used_mib: int | None = None
    memory_total_mib: int | None = None
    power_w: float | None = None
    temperature_c: float | None = None


class ProcessUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One sample of what an attempt uses on its nodes: cores (1.0 = one core) and resident memory in MiB."""

    attempt: AttemptId
    cpu_cores: float
    memory_mib: int


class AttemptObserved(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt as its provider sees it. `exit_codes` are by rank; a death by signal N is -N.

    `failed_rank` is the worker whose failure ended the gang: the others were stopped because of it.
    """

    id: AttemptId
    phase: Phase
    ending: Ending | None = None
    exit_codes: tuple[int | None, ...] = ()
    failed_rank: int | None = None
    message: str = ""


class AttemptsObserved(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of this control plane at a provider.

    `is_full` says that these are all there are, every order that was taken included, whether its answer arrived or
    not: attempts known to Tauon as running and missing here are lost, those it has ordered to start are ordered again.
    Otherwise they are those that changed since `cursor` was given out.
    """

    attempts: tuple[AttemptObserved, ...]
    is_full: bool
    cursor: str = ""


class StartOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Run this attempt of this job; `nodes` are the nodes of its placement, `secrets` the values by variable name."""

    job: Job
    attempt: Attempt
    nodes: dict[NodeId, Node]
    secrets: dict[str, str] = {}


class StopOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Give notice (`signal`), wait `notice_s` seconds, then kill whatever is left; 0 kills at once.

    The notice was given at `requested_at_us` at the earliest; repeating the order never prolongs it.
    """

    attempt: AttemptId
    cause: StopCause
    signal: str = "SIGTERM"
    notice_s: float = 0.0
    requested_at_us: int = 0


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a provider did not take, and why."""

    attempt: AttemptId
    error: ProviderError


class LogChunk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of a worker's output as bytes, with the offset (in bytes since its start) that follows it."""

    rank: int
    data: bytes
    next_offset: int


class NodeProvider(Protocol):
    """Where the nodes of a pool come from."""

    async def observe_nodes(self) -> NodesObserved:
        """The nodes that are there now; cheap enough to be called at every look."""
        ...

    def sample(self) -> Sequence[AcceleratorUse]:
        """The newest sample of every accelerator; never blocks, may be empty."""
        ...


class JobRunner(Protocol):
    """Who runs attempts on the nodes of a pool."""

    def capabilities(self) -> Capabilities: ...

    async def observe(self, cursor: str) -> AttemptsObserved:
        """Attempts that changed since `cursor`, or all of them when it is empty."""
        ...

    async def start(self, orders: Sequence[StartOrder]) -> Sequence[Refusal]:
        """Take each order unless it was taken before; returns those not taken, with OutOfCapacity, NotReady, Rejected."""
        ...

    async def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        """Take each order; an attempt that is not there (any more) is no refusal."""
        ...

    def logs(self, attempt: AttemptId, *, rank: int, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
        """A worker's output from a byte offset on (negative: that many bytes from the end); ends when the attempt has
        ended, or, without `follow`, at the present end. Raises NotFound when there is (or was) no such output."""
        ...

    def usage(self) -> Sequence[ProcessUse]:
        """The newest sample of every running attempt; never blocks, may be empty."""
        ...

    async def forget(self, attempt: AttemptId) -> None:
        """Release what is kept about an attempt whose end is in the journal (its logs stay until retention)."""
        ...


class Provider(NodeProvider, JobRunner, Protocol):
    """A provider that is both, as the local one is."""

    async def close(self) -> None:
        """Let go of everything but the running attempts, which go on."""
        ...


class ProviderContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is given when its pool is opened.

    `folder` is its own (mode 0700), `instance` names this control plane among others that use the same engine, `wake`
    asks for a look at once (from any thread), `fetch` gives the path of an uploaded blob, `checkpoints` and `work` are
    decided by the provider itself under `folder`.
    """

    pool: Pool
    folder: Path
    instance: str
    wake: Callable[[], None]
    blob_path: Callable[[str], Path]


OpenProvider = Callable[[ProviderContext], Provider]
ProviderFactories = Mapping[str, OpenProvider]
