"""The protocol that the CLI, the SDK and the API speak: the same in one process and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Protocol

import msgspec

from tauon.economics.cost import Split
from tauon.model.job import JobState
from tauon.model.job_spec import JobSpec
from tauon.ports.providers import LogChunk
from tauon.ports.store import JobOrder
from tauon.service.offer_views import OfferQuery, OfferView
from tauon.service.page_views import Fleet, JobCount, NodeDetail, Overview, Preview, Replay
from tauon.service.views import (
    BudgetView,
    CostReport,
    DemandReport,
    EventView,
    Explanation,
    FocusExport,
    JobDetail,
    JobView,
    NodeView,
    PoolView,
    QueueView,
    ServerInfo,
    Submitted,
    Top,
    UsageReport,
    WasteView,
)


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list, newest first; empty fields allow everything.

    `text` is looked for in id and name; `labels` are `key=value`; `queue` has all queues below it; `before` is the last id
    of the page before. In another order, or to begin anywhere, `offset` skips so many.
    """

    states: tuple[JobState, ...] = ()
    queue: str = ""
    user: str = ""
    text: str = ""
    labels: tuple[str, ...] = ()
    before: str = ""
    order: JobOrder = JobOrder.SUBMITTED
    reverse: bool = False
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which output: a job's worker, of its latest attempt unless one is named (its number, from 1).

    `offset` counts bytes from the start, or from the end when negative. With `follow` the stream goes on until the
    attempt has ended.
    """

    rank: Annotated[int, msgspec.Meta(ge=0)] = 0
    attempt: Annotated[int, msgspec.Meta(ge=1)] | None = None
    offset: int = 0
    follow: bool = False


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A window of time (microseconds since the epoch; None: the beginning, now) and what to sum by.

    `by` is one of queue, user, job, pool, accelerator, or `label:KEY`.
    """

    by: str = "queue"
    from_us: int | None = None
    to_us: int | None = None


class CostQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A window of time (microseconds since the epoch; None: the beginning, now), what to group by, and what to count.

    `by` is one of queue, user, job, pool, provider, region, capacity-type, accelerator, node, or `label:KEY`. `split`
    says how idle time and overhead are shared out. `where` are `KEY=VALUE` of the same keys: only what has them all.
    With `limit`, so many lines, the dearest, and one for all others.
    """

    by: str = "queue"
    split: Split = Split.NONE
    from_us: int | None = None
    to_us: int | None = None
    where: tuple[str, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1000


class DemandQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A window of time (microseconds since the epoch; None: the beginning, now); `where` as in `CostQuery`."""

    from_us: int | None = None
    to_us: int | None = None
    where: tuple[str, ...] = ()


class FocusQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A window of time (microseconds since the epoch; None: the beginning, now); `where` as in `CostQuery`."""

    from_us: int | None = None
    to_us: int | None = None
    where: tuple[str, ...] = ()


class WhatIfQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which past to play again, and what else it should have had.

    `policies` are names as of `tauon simulate --policy`; `nodes` are texts such as `H100:8x16` in place of the nodes that
    there were; `last_s` takes only what was submitted in so many seconds before now.
    """

    policies: tuple[str, ...] = ("tauon",)
    nodes: tuple[str, ...] = ()
    last_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


class ControlPlane(Protocol):
    """Everything that can be asked for, on behalf of one user. Raises the errors of `model.errors`.

    A job may be named by its id, or by its name where only one live job has it (else the latest with that name).
    """

    async def info(self) -> ServerInfo: ...

    async def submit(self, spec: JobSpec, *, key: str = "") -> Submitted:
        """Take a job; it is durable when this returns. The same `key` again gives the same job.

        Raises Infeasible when no pool has or can obtain what it asks for, saying the largest that would fit.
        """
        ...

    async def submit_many(self, specs: Sequence[JobSpec], *, key: str = "") -> list[Submitted]:
        """Take many jobs in one transaction: all or none. The i-th has the key `KEY/i` when one is given."""
        ...

    async def jobs(self, query: JobQuery) -> list[JobView]: ...

    async def count_jobs(self, query: JobQuery) -> JobCount:
        """How many jobs the query finds in all, its limit and offset aside."""
        ...

    async def preview(self, text: str) -> Preview:
        """What a job document (YAML or JSON) would become, and where it could go; nothing is submitted."""
        ...

    async def job(self, job: str) -> JobDetail: ...

    async def cancel(self, job: str) -> JobView:
        """Cancel a job: at once when it waits, with notice when it runs. Cancelling twice is no error.

        Raises Conflict when it has ended otherwise.
        """
        ...

    async def migrate(self, job: str, *, to: str) -> JobView:
        """Let a job that runs go on in another pool: it is stopped with notice once there is room for it there.

        Raises Conflict when it does not run, NotFound for an unknown pool, Infeasible when that pool can't hold it.
        """
        ...

    async def explain(self, job: str) -> Explanation: ...

    def logs(self, job: str, query: LogQuery) -> AsyncIterator[LogChunk]: ...

    async def events(self, *, after: int = 0, subject: str = "", limit: int = 1000) -> list[EventView]:
        """Lines of the journal after a position, oldest first; `after` may be negative: that many from the end, of
        those about the subject if one is named."""
        ...

    def watch(self, *, after: int = 0, subject: str = "") -> AsyncIterator[EventView]:
        """The same, going on for ever as they happen."""
        ...

    async def nodes(self) -> list[NodeView]: ...

    async def node(self, node: str) -> NodeDetail:
        """One node with its accelerators and the work on it. Raises NotFound."""
        ...

    async def fleet(self) -> Fleet:
        """Every accelerator, in columns."""
        ...

    async def drain(self, node: str, *, reason: str = "") -> NodeView:
        """Give a node no new work; what runs there goes on."""
        ...

    async def undrain(self, node: str) -> NodeView:
        """Give a drained node work again."""
        ...

    async def pools(self) -> list[PoolView]: ...

    async def offers(self, query: OfferQuery) -> list[OfferView]:
        """What can be had, from pools that sell and from catalogues that only list, the best first."""
        ...

    async def queues(self) -> list[QueueView]: ...

    async def usage(self, query: UsageQuery) -> UsageReport: ...

    async def cost(self, query: CostQuery) -> CostReport:
        """The bill of a window from the journal alone: work, idle time and overhead add up to what everything cost."""
        ...

    async def waste(self) -> list[WasteView]:
        """Accelerators that are held and hardly used, the dearest first."""
        ...

    async def budgets(self) -> list[BudgetView]:
        """What of every budget is spent, and where it is heading."""
        ...

    async def demand(self, query: DemandQuery) -> DemandReport:
        """Accelerators that work held in each hour of a window, by type."""
        ...

    async def focus(self, query: FocusQuery) -> FocusExport:
        """The bill of a window as rows of the open specification FOCUS."""
        ...

    async def top(self) -> Top: ...

    async def overview(self) -> Overview: ...

    async def what_if(self, query: WhatIfQuery) -> Replay:
        """Play this server's own past again under other policies or on other nodes; it may take minutes.

        Raises InvalidRequest where nothing has run yet, Conflict while another question is being played.
        """
        ...

    async def has_blob(self, digest: str) -> bool: ...

    async def put_blob(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        """Upload an archive under the SHA-256 (hex) of its bytes."""
        ...

    async def secrets(self) -> list[str]:
        """The names of the stored secrets."""
        ...

    async def put_secret(self, name: str, value: str) -> None: ...

    async def delete_secret(self, name: str) -> None: ...
