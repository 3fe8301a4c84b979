"""Serving the API inside an event loop that is already there: a bound port at the start, no open stream at the end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator, Generator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tauon.api.app import App
from tauon.model.errors import ConfigError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8286
_GRACE_S = 5
_KEEP_ALIVE_S = 30
_MOST_CONNECTIONS = 4000
_BACKLOG = 2048
_HEAD_BYTES = 65536
_HEAD_S = 20.0

_SECURITY_HEADERS = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
]

_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn's server, which here neither takes the process's signals nor ends the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """The wiring handles signals, for the loop and the journal as well."""
        yield


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience: a request's head has to be small, and to come in time."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._in_head = True
        self._head_bytes = 0
        self._head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_due = self.loop.call_later(_HEAD_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > _HEAD_BYTES:
            self.send_400_response(f"The head of a request has {_HEAD_BYTES} bytes at most.")
        elif self._head_due is None:
            self._head_due = self.loop.call_later(_HEAD_S, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_is_here()
        super().on_headers_complete()

    def _head_is_here(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


@contextlib.asynccontextmanager
async def serving(app: App, *, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> AsyncIterator[str]:
    """Serve while the context is open; gives the address (a URL) once it answers. Port 0 takes any free one.

    Raises ConfigError when the address can't be had.
    """
    listener = _bound(host, port)
    config = uvicorn.Config(
        _as_asgi(app),
        http=_Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=_SECURITY_HEADERS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=_MOST_CONNECTIONS,
        backlog=_BACKLOG,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="api")
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield _url(listener)
    finally:
        ready.cancel()
        app.close_streams()
        server.should_exit = True
        await task


def _as_asgi(app: App) -> Any:
    return app


def _bound(host: str, port: int) -> socket.socket:
    where = f"{host}:{port}"
    if not 0 <= port <= 65535:
        raise ConfigError(f"can't serve at {where}: a port is a number from 1 to 65535, or 0 for any that is free")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError(f"can't serve at {where}: {error}; choose a host of this machine and a port") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.settimeout(0)  # non-blocking
    except OSError as error:
        listener.close()
        raise ConfigError(_why_not(where, error)) from error
    return listener


def _why_not(where: str, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"can't serve at {where}: another program (another `tauon up`?) has that port; end it or choose another"
            )
        case errno.EACCES:
            return f"can't serve at {where}: ports below 1024 need privileges; choose a higher one"
        case errno.EADDRNOTAVAIL:
            return f"can't serve at {where}: this machine does not have that address"
        case _:
            return f"can't serve at {where}: {error.strerror}"


def _url(listener: socket.socket) -> str:
    """Where the server is reached from this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
