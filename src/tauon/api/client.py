"""The control plane over HTTP: every use case as a method, for programs that await."""

from __future__ import annotations

import binascii
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from tauon.api.connection import Connection, checked_token, checked_url, discover
from tauon.api.outcome import key_header, parameters, part, refusal
from tauon.api.patience import AsyncWait
from tauon.api.wire import AsyncCall, AsyncWire
from tauon.api.workdir import BLOB_PREFIX, Packed, pack
from tauon.model.errors import Unavailable
from tauon.model.job_spec import JobSpec
from tauon.ports.providers import LogChunk
from tauon.service.control_plane import CostQuery, DemandQuery, FocusQuery, JobQuery, LogQuery, UsageQuery, WhatIfQuery
from tauon.service.offer_views import OfferQuery, OfferView
from tauon.service.page_views import Draft, Fleet, JobCount, NodeDetail, Overview, Preview, Replay, SignInLink
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

_LONGEST_PAUSE_S = 2.0
_UPLOAD_TRIES = 3

_AS_IT_WAS = WhatIfQuery()
_ALL_JOBS, _FIRST_WORKER, _BY_QUEUE, _COST = JobQuery(), LogQuery(), UsageQuery(), CostQuery()
_OFFERS = OfferQuery()
_EVER, _ALWAYS = FocusQuery(), DemandQuery()

Progress = Callable[[int, int], None]
T = TypeVar("T")


class AsyncClient:
    """A client of one server: the one that is named, else the one that the command line would use too.

    `progress` hears of an upload: bytes sent, bytes in all. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        server: str = "",
        token: str = "",
        *,
        home: Path | None = None,
        progress: Progress | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        named = Connection(url=checked_url(server), token=checked_token(token)) if server else None
        connection = named or discover(home)
        self._wire = AsyncWire(connection, timeout_s=timeout_s)
        self._progress = progress

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._wire.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def info(self) -> ServerInfo:
        """Which server this is, and who it takes you for."""
        return await self._get("/v1/info", ServerInfo)

    async def submit(self, spec: JobSpec | Mapping[str, Any], *, key: str = "") -> Submitted:
        """Submit a job; it is durable when this returns. The same `key` again gives the same job.

        A mapping is read like a job document. A `workdir` that is a folder here is uploaded first, unless the server
        has it already. Raises InvalidSpec or Infeasible, with what would be right.
        """
        document = await self._ready(spec, {})
        call = AsyncCall("POST", "/v1/jobs", body=document, headers=key_header(key))
        submitted = await self._wire.ask(call, Submitted)
        # Without a key of the caller's own, "existing" could only mean that the first of two tries came through.
        return submitted if key else msgspec.structs.replace(submitted, existing=False)

    async def submit_many(self, specs: Sequence[JobSpec | Mapping[str, Any]], *, key: str = "") -> list[Submitted]:
        """Submit many jobs: all or none. Each folder is uploaded once."""
        if not specs:
            return []
        uploaded: dict[str, str] = {}
        documents = [await self._ready(spec, uploaded) for spec in specs]
        body = b'{"jobs":[%b]}' % b",".join(documents)
        call = AsyncCall("POST", "/v1/jobs/bulk", body=body, headers=key_header(key))
        answers = await self._wire.ask(call, list[Submitted])
        return answers if key else [msgspec.structs.replace(one, existing=False) for one in answers]

    async def jobs(self, query: JobQuery = _ALL_JOBS) -> list[JobView]:
        """Jobs, newest first."""
        return await self._get("/v1/jobs", list[JobView], query)

    async def count_jobs(self, query: JobQuery = _ALL_JOBS) -> JobCount:
        """How many jobs the query finds in all, its limit and offset aside."""
        return await self._get("/v1/jobs/count", JobCount, query)

    async def preview(self, text: str) -> Preview:
        """What a job document (YAML or JSON) would become, and where it could go; nothing is submitted."""
        call = AsyncCall("POST", "/v1/jobs/preview", body=msgspec.json.encode(Draft(text=text)))
        return await self._wire.ask(call, Preview)

    async def job(self, job: str) -> JobDetail:
        """Everything about one job. Raises NotFound."""
        return await self._get(f"/v1/jobs/{part(job)}", JobDetail)

    async def wait(self, job: str, *, timeout_s: float | None = None) -> JobDetail:
        """Wait until a job has ended. Raises TimeoutError when it has not after `timeout_s` seconds."""
        began = time.monotonic()
        while True:
            detail = await self.job(job)
            if detail.job.state.is_final:
                return detail
            job = detail.job.id  # a name could mean another one later
            waited_s = time.monotonic() - began
            pause_s = min(_LONGEST_PAUSE_S, 0.1 + waited_s / 10)
            if timeout_s is not None:
                if waited_s >= timeout_s:
                    raise TimeoutError(f"{job} is still {detail.job.state} after {timeout_s:g} s")
                pause_s = min(pause_s, timeout_s - waited_s)
            await AsyncWait.sleep(pause_s)

    async def cancel(self, job: str) -> JobView:
        """Cancel a job. Raises NotFound, or Conflict when it has ended otherwise."""
        return await self._wire.ask(AsyncCall("POST", f"/v1/jobs/{part(job)}/cancel"), JobView)

    async def migrate(self, job: str, *, to: str) -> JobView:
        """Let a job that runs go on in another pool. Raises Conflict, NotFound, Infeasible."""
        return await self._wire.ask(AsyncCall("POST", f"/v1/jobs/{part(job)}/migrate", {"to": to}), JobView)

    async def explain(self, job: str) -> Explanation:
        """Why a job is where it is."""
        return await self._get(f"/v1/jobs/{part(job)}/explain", Explanation)

    async def logs(self, job: str, query: LogQuery = _FIRST_WORKER) -> AsyncIterator[LogChunk]:
        """A worker's output; with `follow` until its attempt has ended, over broken connections too."""
        async with aclosing(self._wire.frames(f"/v1/jobs/{part(job)}/logs/stream", parameters(query))) as frames:
            async for frame in frames:
                offset = int(frame.id.rpartition(".")[2])
                yield LogChunk(rank=query.rank, data=binascii.a2b_base64(frame.data), next_offset=offset)

    async def events(self, *, after: int = 0, subject: str = "", limit: int = 1000) -> list[EventView]:
        """Lines of the journal after a position, oldest first."""
        params = {"after": after, "subject": subject, "limit": limit}
        return await self._wire.ask(AsyncCall("GET", "/v1/events", params), list[EventView])

    async def watch(self, *, after: int = 0, subject: str = "") -> AsyncIterator[EventView]:
        """The same, going on for ever as they happen, over broken connections too."""
        async with aclosing(self._wire.frames("/v1/events/stream", {"after": after, "subject": subject})) as frames:
            async for frame in frames:
                yield msgspec.json.decode(frame.data, type=EventView)

    async def nodes(self) -> list[NodeView]:
        """All nodes."""
        return await self._get("/v1/nodes", list[NodeView])

    async def node(self, node: str) -> NodeDetail:
        """One node with its accelerators and the work on it. Raises NotFound."""
        return await self._get(f"/v1/nodes/{part(node)}", NodeDetail)

    async def fleet(self) -> Fleet:
        """Every accelerator, in columns."""
        return await self._get("/v1/fleet", Fleet)

    async def drain(self, node: str, *, reason: str = "") -> NodeView:
        """Give a node no new work; what runs there goes on."""
        return await self._wire.ask(AsyncCall("POST", f"/v1/nodes/{part(node)}/drain", {"reason": reason}), NodeView)

    async def undrain(self, node: str) -> NodeView:
        """Give a drained node work again."""
        return await self._wire.ask(AsyncCall("POST", f"/v1/nodes/{part(node)}/undrain"), NodeView)

    async def pools(self) -> list[PoolView]:
        """All pools."""
        return await self._get("/v1/pools", list[PoolView])

    async def offers(self, query: OfferQuery = _OFFERS) -> list[OfferView]:
        """What can be had, the best first."""
        return await self._get("/v1/offers", list[OfferView], query)

    async def queues(self) -> list[QueueView]:
        """All queues."""
        return await self._get("/v1/queues", list[QueueView])

    async def usage(self, query: UsageQuery = _BY_QUEUE) -> UsageReport:
        """Who used what in a window of time, and what it cost."""
        return await self._get("/v1/usage", UsageReport, query)

    async def cost(self, query: CostQuery = _COST) -> CostReport:
        """The bill of a window by any key: work, idle time and overhead."""
        return await self._get("/v1/cost", CostReport, query)

    async def waste(self) -> list[WasteView]:
        """Accelerators that are held and hardly used, the dearest first."""
        return await self._get("/v1/waste", list[WasteView])

    async def budgets(self) -> list[BudgetView]:
        """What of every budget is spent, and where it is heading."""
        return await self._get("/v1/budgets", list[BudgetView])

    async def demand(self, query: DemandQuery = _ALWAYS) -> DemandReport:
        """Accelerators that work held in each hour of a window, by type."""
        return await self._get("/v1/demand", DemandReport, query)

    async def focus(self, query: FocusQuery = _EVER) -> FocusExport:
        """The bill of a window as rows of the open specification FOCUS."""
        return await self._get("/v1/cost/focus", FocusExport, query)

    async def top(self) -> Top:
        """What is going on at this moment."""
        return await self._get("/v1/top", Top)

    async def overview(self) -> Overview:
        """Capacity, the line, money an hour, and what needs attention."""
        return await self._get("/v1/overview", Overview)

    async def what_if(self, query: WhatIfQuery = _AS_IT_WAS) -> Replay:
        """Play the server's own past again under other policies or on other nodes."""
        return await self._wire.ask(AsyncCall("POST", "/v1/what-if", body=msgspec.json.encode(query)), Replay)

    async def sign_in_link(self) -> SignInLink:
        """A code that signs a browser in to the server's page as you, once and soon."""
        return await self._wire.ask(AsyncCall("POST", "/v1/session/link"), SignInLink)

    async def has_blob(self, digest: str) -> bool:
        """Whether the server has an archive with this SHA-256."""
        response = await self._wire.send(AsyncCall("HEAD", f"/v1/blobs/{part(digest)}"))
        if response.status_code not in (200, 404):
            raise refusal(response.status_code, response.content, self.url)
        return response.status_code == 200

    async def put_blob(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        """Upload an archive under the SHA-256 of its bytes."""
        headers = {"content-type": "application/octet-stream"}
        await self._wire.tell(AsyncCall("PUT", f"/v1/blobs/{part(digest)}", body=chunks, headers=headers, tries=1))

    async def upload(self, folder: str | Path) -> str:
        """Upload a folder, unless the server has it already; returns what a document has as `workdir` instead."""
        packed = await AsyncWait.call(pack, folder)
        try:
            for tries_left in reversed(range(_UPLOAD_TRIES)):
                if await self.has_blob(packed.digest):
                    break
                try:
                    await self.put_blob(packed.digest, self._pieces(packed))
                    break
                except Unavailable:
                    if not tries_left:
                        raise
        finally:
            packed.close()
        return BLOB_PREFIX + packed.digest

    async def _pieces(self, packed: Packed) -> AsyncIterator[bytes]:
        packed.rewind()
        sent = 0
        while piece := await AsyncWait.call(packed.read):
            yield piece
            sent += len(piece)
            if self._progress is not None:
                self._progress(sent, packed.size)

    async def secrets(self) -> list[str]:
        """The names of the stored secrets."""
        return await self._get("/v1/secrets", list[str])

    async def put_secret(self, name: str, value: str) -> None:
        """Store a secret, or another value for it."""
        await self._wire.tell(AsyncCall("PUT", f"/v1/secrets/{part(name)}", body=msgspec.json.encode({"value": value})))

    async def delete_secret(self, name: str) -> None:
        """Forget a secret. Raises NotFound."""
        await self._wire.tell(AsyncCall("DELETE", f"/v1/secrets/{part(name)}", tries=1))

    async def _get(self, path: str, kind: type[T], query: msgspec.Struct | None = None) -> T:
        return await self._wire.ask(AsyncCall("GET", path, parameters(query) if query else {}), kind)

    async def _ready(self, spec: JobSpec | Mapping[str, Any], uploaded: dict[str, str]) -> bytes:
        """A document as it is sent, its folder being there already. The server is the one that checks it."""
        document = dict(spec) if isinstance(spec, Mapping) else spec.model_dump(mode="json", exclude_unset=True)
        folder = document.get("workdir")
        if isinstance(folder, str | Path) and not str(folder).startswith(BLOB_PREFIX):
            if str(folder) not in uploaded:
                uploaded[str(folder)] = await self.upload(folder)
            document["workdir"] = uploaded[str(folder)]
        return msgspec.json.encode(document, enc_hook=str)
