"""The client's side of the gateway: requests are read off a connection and answered in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import httptools

from tauon.gateway.exchange import Exchange
from tauon.gateway.heads import Header, RequestHead, answer

MOST_HEADERS = 64 * 1024
MOST_PIPELINED = 16

Receive = Callable[["Door", RequestHead], Exchange | bytes]


class Door(asyncio.Protocol):
    """Implements `exchange.Client` for one connection. `receive` makes an exchange of a request, or answers at once."""

    def __init__(self, receive: Receive, gone: Callable[[Door], None]) -> None:
        self.name = ""
        self.is_closing = False
        self._receive = receive
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self.used_s = self._loop.time()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[Header] = []
        self._size = 0  # of the head that is being read
        self._is_in_head = False
        self._waiting: deque[Exchange | bytes] = deque()
        self._now: Exchange | None = None
        self._reading: Exchange | None = None  # whose body is being read
        self._is_tunnel = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.name = str(peer[0]) if isinstance(peer, tuple) else "unknown"

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self._now is None and not self._waiting and not self._is_in_head and not self._is_tunnel

    @property
    def is_waited_for(self) -> bool:
        """Whether the client has not sent its next request yet, or not all of its head."""
        return self._now is None and not self._waiting and not self._is_tunnel

    # ------------------------------------------------------------------ what an exchange asks for

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def ended(self, *, closes: bool) -> None:
        self._now = None
        self.used_s = self._loop.time()
        if closes or self.is_closing:
            self.close()
        elif self._waiting:
            self._answer(self._waiting.popleft())
        else:
            self.resume()

    def abort(self) -> None:
        self._now = None
        if self._transport is not None:
            if self._is_tunnel:
                self._transport.close()
            else:
                self._transport.abort()

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close the connection once all that was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    # ------------------------------------------------------------------ what the transport tells

    def data_received(self, data: bytes) -> None:
        if not self._is_in_head:
            self.used_s = self._loop.time()  # who sends a head byte by byte does not get longer for it
        if self._is_tunnel:
            if self._now is not None:
                self._now.tunnel(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._begin_tunnel(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._refuse(400, f"this is no HTTP request: {error}")
            return
        self._size = self._size + len(data) if self._is_in_head else 0
        if self._size > MOST_HEADERS:
            self._refuse(431, f"the head of a request may have {MOST_HEADERS} bytes at most")
        elif len(self._waiting) >= MOST_PIPELINED:
            self.pause()

    def _begin_tunnel(self, rest: bytes) -> None:
        if self._now is None or not self._now.head.upgrade:
            self._refuse(405, "this gateway opens no tunnels by CONNECT")
            return
        self._is_tunnel = True
        if rest:
            self._now.tunnel(rest)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the transport's
        self._gone(self)
        self._waiting.clear()
        if self._now is not None:
            self._now.client_gone()
            self._now = None

    def pause_writing(self) -> None:
        if self._now is not None:
            self._now.client_congested()

    def resume_writing(self) -> None:
        if self._now is not None:
            self._now.client_relieved()

    def _refuse(self, status: int, message: str) -> None:
        if self._now is None:
            self.write(answer(status, message, closes=True))
        self.close()

    # ------------------------------------------------------------------ what the parser tells

    def on_message_begin(self) -> None:
        self._target, self._headers, self._is_in_head = b"", [], True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        headers, self._headers = self._headers, []
        self._size, self._is_in_head = 0, False
        head = RequestHead(self._parser.get_method(), self._target, headers)
        head.is_http_10 = self._parser.get_http_version() == "1.0"
        head.keeps_alive = self._parser.should_keep_alive() or bool(head.upgrade)
        if head.by_name.get(b"expect", b"").lower() == b"100-continue" and not head.is_http_10:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        found = self._receive(self, head)
        self._reading = found if isinstance(found, Exchange) else None
        if self._now is None and not self._waiting:
            self._answer(found)
        else:
            self._waiting.append(found)

    def on_body(self, data: bytes) -> None:
        if self._reading is not None:
            self._reading.body(data)

    def on_message_complete(self) -> None:
        if self._reading is not None:
            self._reading.body_ended()
            self._reading = None

    def _answer(self, found: Exchange | bytes) -> None:
        if isinstance(found, bytes):
            self.write(found)
            self.ended(closes=b"\r\nConnection: close\r\n" in found)
            return
        self._now = found
        found.begin()
