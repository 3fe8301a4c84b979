"""Open streams: what happens is sent as it happens, in groups, with heartbeats, and all end when the server does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec
from litestar.types import Receive, Scope, Send

from tauon.api.problems import problem_of, problem_of_bug
from tauon.api.sse import HEARTBEAT, MEDIA_TYPE, frame
from tauon.model.errors import TauonError, Unavailable

_WAITING_BYTES = 2**20
_HEADERS = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]

Frames = AsyncGenerator[bytes, None]


async def told(frames: Frames) -> Frames:
    """The same frames; an error on the way becomes the last of them, for the headers are long gone."""
    try:
        async with contextlib.aclosing(frames):
            async for one in frames:
                yield one
    except TauonError as error:
        yield frame(msgspec.json.encode(problem_of(error)), event="error")
    except Exception as error:  # noqa: BLE001 - the last one who can tell the reader
        yield frame(msgspec.json.encode(problem_of_bug(error)), event="error")


class Feeds:
    """All open streams of a server."""

    def __init__(self, *, most: int = 2000, heartbeat_s: float = 15.0) -> None:
        self.heartbeat_s = heartbeat_s
        self._most = most
        self._open: set[Feed] = set()
        self._closing = False

    def feed(self, frames: Frames, *, group_s: float = 0.0) -> Feed:
        """A stream to answer with. Raises Unavailable when there are too many or the server is going down."""
        if self._closing:
            raise Unavailable("the server is going down; try again in a moment")
        if len(self._open) >= self._most:
            raise Unavailable(f"{self._most} streams are open, which is all that this server keeps")
        return Feed(self, told(frames), group_s)

    def enter(self, feed: Feed) -> None:
        """Count a stream in, or end it at once if it is too late."""
        self._open.add(feed)
        if self._closing:
            feed.end()

    def leave(self, feed: Feed) -> None:
        self._open.discard(feed)

    def close(self) -> None:
        """End all streams; their readers come back to the next server and go on where they were."""
        self._closing = True
        for feed in list(self._open):
            feed.end()


class Feed:
    """One open stream (an ASGI application). Frames that come within `group_s` seconds of the last sending go together,
    so that a busy stream costs as many sendings as a quiet one."""

    def __init__(self, feeds: Feeds, frames: Frames, group_s: float) -> None:
        self._feeds = feeds
        self._frames = frames
        self._group_s = group_s
        self._ready: list[bytes] = []
        self._size = 0
        self._ended = False
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def end(self) -> None:
        """Send what is ready and close."""
        self._ended = True
        self._wake.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the shape of ASGI
        self._feeds.enter(self)
        tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._watch_reader(receive))]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            # So that the reader sees at once that the stream is open.
            await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
            while not self._ended or self._ready:
                await self._send_next(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._feeds.leave(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._frames.aclose()

    async def _send_next(self, send: Send) -> None:
        """Wait for something to send, at most until the next heartbeat is due, and send it."""
        body = HEARTBEAT
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._feeds.heartbeat_s):
                await self._wake.wait()
        self._wake.clear()
        if self._ready:
            body = b"".join(self._ready)
            self._ready.clear()
            self._size = 0
            self._room.set()
        elif self._ended:
            return
        await send({"type": "http.response.body", "body": body, "more_body": True})
        if self._group_s and not self._ended:
            await asyncio.sleep(self._group_s)

    async def _pump(self) -> None:
        """Bring frames from their source, no faster than the reader takes them."""
        async for one in self._frames:
            if self._size > _WAITING_BYTES:
                self._room.clear()
                await self._room.wait()
            self._ready.append(one)
            self._size += len(one)
            self._wake.set()
        self.end()

    async def _watch_reader(self, receive: Receive) -> None:
        """End when the reader has gone."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._ready.clear()
        self.end()
