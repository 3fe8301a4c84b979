"""An engine under test: opens its provider, writes orders for it, waits for its news, and sees that nothing is left."""

from __future__ import annotations

import asyncio
import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tauon.model.attempt import StopCause
from tauon.model.errors import NotFound
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName
from tauon.model.job import CheckpointPolicy
from tauon.model.node import Node
from tauon.model.pool import Pool
from tauon.ports.providers import AttemptObserved, Phase, Provider, ProviderContext, StartOrder, StopOrder
from tests.builders import a_job, a_request, an_attempt

PATIENCE_S = 30.0


class Gate:
    """Where a job waits until the test lets it go on; `wait` is the shell's part of it."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._pipe = os.open(path, os.O_RDWR)  # so that neither side waits for the other
        self.wait = f"read -r < {path}"

    def open(self) -> None:
        os.write(self._pipe, b"go\n")

    def close(self) -> None:
        os.close(self._pipe)


class World(ABC):
    """One pool and the providers that were opened on it, one after the other or at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.instance = f"test-{folder.name}"
        self.blobs: dict[str, Path] = {}
        self.wakes = 0
        self.nodes: dict[NodeId, Node] = {}
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._open: list[Provider] = []
        self._gates: list[Gate] = []
        self._jobs = 0

    @abstractmethod
    def pool(self) -> Pool:
        """The pool, as it would be configured."""

    @abstractmethod
    def create(self, context: ProviderContext) -> Provider:
        """What the entry point of this provider does."""

    @abstractmethod
    def processes(self) -> Sequence[str]:
        """Every process that this world's attempts have left, each in words."""

    # Providers

    async def open(self) -> Provider:
        """A provider, as after a start of the server."""
        context = ProviderContext(
            pool=self.pool(),
            folder=self.folder / "provider",
            instance=self.instance,
            wake=self._wake,
            blob_path=self._blob_path,
        )
        provider = self.create(context)
        self._open.append(provider)
        self.nodes = {node.id: node for node in (await provider.observe_nodes()).nodes}
        return provider

    async def abandon(self, provider: Provider) -> None:
        """The server is gone; what it started is not."""
        self._open.remove(provider)
        await provider.close()

    async def finish(self) -> None:
        """Stop everything and check that no process is left."""
        provider = self._open[-1] if self._open else await self.open()
        look = await provider.observe("")
        live = [attempt.id for attempt in look.attempts if attempt.phase is not Phase.ENDED]
        await provider.stop([self.stop_order(attempt) for attempt in live])
        for attempt in live:
            await self.ended(provider, attempt)
        for opened in list(self._open):
            await self.abandon(opened)
        for gate in self._gates:
            gate.close()
        assert list(self.processes()) == []

    # Orders

    def order(self, run: str = "true", *, workers: int = 1, **fields: Any) -> StartOrder:
        """The order to start a new job's first attempt; fields of its document, or `checkpoint` and `request`."""
        self._jobs += 1
        checkpoint: CheckpointPolicy | None = fields.pop("checkpoint", None)
        request = fields.pop("request", None) or a_request(gpus=0, cpu=0, memory_mib=0, workers=workers)
        secrets = fields.pop("secrets", {})
        job = a_job(
            self._jobs,
            id=JobId(f"{self.instance}-j{self._jobs}"),
            request=request,
            document=json.dumps({"run": run} | fields),
            checkpoint=checkpoint,
        )
        attempt = an_attempt(job, nodes=[next(iter(self.nodes))], pool=PoolName(self.pool().name))
        return StartOrder(job=job, attempt=attempt, nodes=self.nodes, secrets=secrets)

    def stop_order(self, attempt: AttemptId, *, notice_s: float = 0.0, signal: str = "SIGTERM") -> StopOrder:
        return StopOrder(attempt=attempt, cause=StopCause.PREEMPTED, notice_s=notice_s, signal=signal)

    def gate(self) -> Gate:
        self._gates.append(Gate(self.folder / f"gate-{len(self._gates)}"))
        return self._gates[-1]

    def blob(self, archive: Path) -> str:
        """Upload an archive; returns what a document says of it."""
        digest = f"{len(self.blobs):064x}"
        self.blobs[digest] = archive
        return f"blob:{digest}"

    # News

    async def started(self, provider: Provider, order: StartOrder) -> AttemptId:
        """Start it; returns when it runs (or has run)."""
        refusals = await provider.start([order])
        assert list(refusals) == []
        await self.seen(provider, order.attempt.id, lambda seen: seen.phase is not Phase.STARTING)
        return order.attempt.id

    async def ended(self, provider: Provider, attempt: AttemptId) -> AttemptObserved:
        """The attempt as it is at its end."""
        return await self.seen(provider, attempt, lambda seen: seen.phase is Phase.ENDED)

    async def ran(self, provider: Provider, order: StartOrder) -> AttemptObserved:
        """Start it and see it through."""
        return await self.ended(provider, await self.started(provider, order))

    async def seen(
        self, provider: Provider, attempt: AttemptId, expected: Callable[[AttemptObserved], bool]
    ) -> AttemptObserved:
        """Look whenever the provider says that there is something new, until it is what is expected."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._news.clear()
            look = await provider.observe("")
            found = {seen.id: seen for seen in look.attempts}
            if attempt in found and expected(found[attempt]):
                return found[attempt]
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"{attempt} is {found.get(attempt)}, and nothing more is heard of it") from None

    async def output(self, provider: Provider, attempt: AttemptId, *, rank: int = 0, offset: int = 0) -> bytes:
        """All output up to the attempt's end."""
        data = b""
        async with asyncio.timeout(PATIENCE_S):
            async for chunk in provider.logs(attempt, rank=rank, offset=offset, follow=True):
                data += chunk.data
        return data

    async def says(self, provider: Provider, attempt: AttemptId, text: str, *, rank: int = 0) -> str:
        """Follow the output until this text is in it; returns what there is by then."""
        data = b""
        async with asyncio.timeout(PATIENCE_S):
            async for chunk in provider.logs(attempt, rank=rank, offset=0, follow=True):
                data += chunk.data
                if text.encode() in data:
                    return data.decode()
        raise AssertionError(f"{text!r} was never said, only {data!r}")

    def _wake(self) -> None:
        self.wakes += 1
        self._loop.call_soon_threadsafe(self._news.set)

    def _blob_path(self, digest: str) -> Path:
        if digest not in self.blobs:
            raise NotFound(f"no blob {digest}")
        return self.blobs[digest]
