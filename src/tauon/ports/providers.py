"""The two ports of an engine: where nodes come from, and who runs attempts on them."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from tauon.model.attempt import Attempt, StopCause
from tauon.model.errors import ProviderError, Rejected
from tauon.model.ids import AttemptId, NodeId, OfferId
from tauon.model.job import Job
from tauon.model.node import Node, NodeShape
from tauon.model.offer import Offer
from tauon.model.pool import Capabilities, Pool


class SpotNotice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A node will be taken back at a time (microseconds since the epoch)."""

    node: NodeId
    reclaim_at_us: int


class NodeRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """An order about a node that a provider did not take, and why."""

    node: NodeId
    error: ProviderError


class NodesObserved(msgspec.Struct, frozen=True, kw_only=True):
    """The nodes that a provider has now. Nodes known to Tauon as ready and missing here are lost; those on order are
    still to come, unless they are `refused`: their order was taken, and won't be met after all. A node that was bought
    carries its offer, and the id it was ordered by."""

    nodes: tuple[Node, ...]
    notices: tuple[SpotNotice, ...] = ()
    refused: tuple[NodeRefusal, ...] = ()


class OffersObserved(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be obtained now; the same object for as long as nothing has changed."""

    offers: tuple[Offer, ...] = ()


NO_OFFERS = OffersObserved()


class LaunchOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Buy one node. `node` is the id of the request and of the node; `shape` is what was decided on: a provider that
    would give something else in region, residency, capacity type or amounts refuses."""

    node: NodeId
    offer: OfferId
    shape: NodeShape


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
    """One sample of one accelerator: utilisation in percent, memory in MiB, the processes that
    compute on it, the share of busy multiprocessors; None where it can't be measured."""

    node: NodeId
    index: int
    utilisation_pct: float | None = None
    memory_used_mib: int | None = None
    memory_total_mib: int | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    processes: int | None = None
    sm_active_pct: float | None = None


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

    async def offers(self) -> OffersObserved:
        """What can be bought, from memory; nothing where the nodes are simply there."""
        return NO_OFFERS

    async def launch(self, orders: Sequence[LaunchOrder]) -> Sequence[NodeRefusal]:
        """Take each order unless it was taken before; returns those not taken, with OutOfCapacity, QuotaExceeded,
        NotReady or Rejected. A node is there once `observe_nodes` lists it."""
        why = "this provider's nodes can't be bought"
        return [NodeRefusal(node=order.node, error=Rejected(why)) for order in orders]

    async def terminate(self, nodes: Sequence[NodeId]) -> Sequence[NodeRefusal]:
        """Give nodes back, with whatever runs on them; one that is not there (any more) is no refusal."""
        return [NodeRefusal(node=node, error=Rejected("this provider's nodes can't be given back")) for node in nodes]


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

    def checkpoint_folder(self, job: Job) -> Path | None:  # noqa: ARG002 - the protocol's
        """Where what a job saves lies on this machine; None where it can't be reached from here."""
        return None

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


class NodeSource(NodeProvider, Protocol):
    """A provider of nodes alone, whose jobs another one runs."""

    async def close(self) -> None:
        """Let go of everything but the nodes, which stay."""
        ...


OpenProvider = Callable[[ProviderContext], Provider]
OpenNodeSource = Callable[[ProviderContext], NodeSource]
ProviderFactories = Mapping[str, OpenProvider]
