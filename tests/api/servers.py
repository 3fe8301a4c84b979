"""Real servers on loopback in a thread of their own, and a relay in front of them that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from tauon.api.app import DEFAULT_LIMITS, AppLimits, make_app
from tauon.api.door import LOOPBACK_HOSTS
from tauon.api.page import Page
from tauon.api.server import serving
from tauon.api.session import Sessions, digest_of
from tests.api.plane import MemoryPlane

T = TypeVar("T")
TOKEN = "the-right-token"
_LIMIT_S = 30


class Served:
    """A server at work over a plane in memory."""

    def __init__(
        self, plane: MemoryPlane, *, port: int = 0, limits: AppLimits = DEFAULT_LIMITS, page: Page | None = None
    ) -> None:
        self.plane = plane
        self.loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._relays: list[Relay] = []
        self.url = ""
        self._port = port
        self._limits = limits
        self._page = page
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server")
        self._thread.start()
        assert self._ready.wait(_LIMIT_S)
        if not self.url:
            self._thread.join()
            raise RuntimeError("the server did not start") from self._error

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_LIMIT_S)

    def relay(self) -> Relay:
        """A way to this server that can be cut."""
        relay = Relay(self)
        self._relays.append(relay)
        return relay

    def stop(self) -> None:
        """Stop in good order."""
        for relay in self._relays:
            relay.close()
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_LIMIT_S)
        assert not self._thread.is_alive()
        self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to the thread that asked
            self._error = error
            self._ready.set()

    async def _serve(self) -> None:
        app = make_app(
            lambda _: self.plane,
            lambda token: "ada" if token == TOKEN else None,
            hosts=LOOPBACK_HOSTS,
            limits=self._limits,
            sessions=Sessions(b"k" * 32, lambda digest: "ada" if digest == digest_of(TOKEN) else None),
            page=self._page,
        )
        async with serving(app, port=self._port) as self.url:
            self._ready.set()
            await self._stop.wait()


class Relay:
    """Passes bytes on to a server until it is cut; counts who came."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self.came = 0
        self._server = served.do(self._start())
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break all connections, in the middle of whatever they carry."""
        self._served.do(self._cut())

    def close(self) -> None:
        self._served.do(self._close())

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._carry, "127.0.0.1", 0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.came += 1
        writers = [writer]
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._served.port)
            writers.append(there_writer)
            await _first_of(_pass_on(reader, there_writer), _pass_on(there_reader, writer))
        except (asyncio.CancelledError, OSError):
            for one in writers:
                one.transport.abort()
        finally:
            self._tasks.discard(task)
            for one in writers:
                one.close()

    async def _cut(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _close(self) -> None:
        self._server.close()
        await self._cut()


async def _first_of(*work: Coroutine[Any, Any, None]) -> None:
    """Do these at once until one of them is over."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@contextlib.contextmanager
def served(plane: MemoryPlane | None = None, *, limits: AppLimits = DEFAULT_LIMITS) -> Iterator[Served]:
    """A server for the length of a test."""
    server = Served(plane or MemoryPlane(), limits=limits)
    try:
        yield server
    finally:
        server.stop()
