"""One connection to a replica: a request at a time goes out, its reply comes back piece by piece."""

from __future__ import annotations

import asyncio
from typing import Protocol

import httptools

from tauon.gateway.heads import Header, ResponseHead


class Hearer(Protocol):
    """Who hears what comes of a request."""

    def reply_began(self, head: ResponseHead) -> None: ...

    def reply_went_on(self, data: bytes) -> None: ...

    def reply_ended(self, *, is_reusable: bool) -> None: ...

    def switched(self, head: ResponseHead) -> None:
        """The replica speaks another protocol from now on (101)."""
        ...

    def broke_off(self, reason: str) -> None:
        """The connection is gone before the reply was whole."""
        ...

    def may_write(self) -> None:
        """The replica takes more again."""
        ...


class Upstream(asyncio.Protocol):
    """`hearer` is set while a request is under way; `is_closed` once nothing more can be sent."""

    def __init__(self) -> None:
        self.hearer: Hearer | None = None
        self.is_closed = False
        self.is_congested = False
        self.idle_since_s = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._headers: list[Header] = []
        self._head: ResponseHead | None = None
        self._method = b""
        self._is_tunnel = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, hearer: Hearer, method: bytes, data: bytes) -> None:
        """Begin a request; what comes of it is told to `hearer`."""
        assert self._transport is not None
        self.hearer, self._method = hearer, method
        self._headers, self._head = [], None
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self._transport.write(data)

    def write(self, data: bytes) -> None:
        """More of the request's body, or of whatever a tunnel carries."""
        if self._transport is not None and not self.is_closed:
            self._transport.write(data)

    def pause(self) -> None:
        """Take no more of the reply for now: its reader is slower."""
        if self._transport is not None and not self.is_closed:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self.is_closed:
            self._transport.resume_reading()

    def close(self) -> None:
        """Let go of it; nobody hears of it any more."""
        self.hearer, self.is_closed = None, True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Let go of it at once, with whatever was not sent yet."""
        self.hearer, self.is_closed = None, True
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------------ what the transport tells

    def data_received(self, data: bytes) -> None:
        if self.hearer is None:  # nothing was asked
            self.close()
            return
        if self._is_tunnel:
            self.hearer.reply_went_on(data)
            return
        assert self._parser is not None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._is_tunnel = True
            if self._head is not None:
                self.hearer.switched(self._head)
            rest = data[upgrade.args[0] :]
            if rest:
                self.hearer.reply_went_on(rest)
        except httptools.HttpParserError as error:
            self._end_badly(f"it does not speak HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        hearer, head = self.hearer, self._head
        if hearer is None:
            return
        self.hearer = None
        if self._is_tunnel or (head is not None and head.ends_by_closing and exc is None):
            hearer.reply_ended(is_reusable=False)
        else:
            hearer.broke_off(str(exc) if exc else "it closed the connection")

    def pause_writing(self) -> None:
        self.is_congested = True

    def resume_writing(self) -> None:
        self.is_congested = False
        if self.hearer is not None:
            self.hearer.may_write()

    def _end_badly(self, reason: str) -> None:
        hearer = self.hearer
        self.abort()
        if hearer is not None:
            hearer.broke_off(reason)

    # ------------------------------------------------------------------ what the parser tells

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        self._head = head = ResponseHead(status, headers)
        if status == 101 or (100 <= status < 200) or self.hearer is None:
            return  # an interim reply is no reply; what follows a 101 is told when the parser has stopped
        self.hearer.reply_began(head)
        if self._method == b"HEAD" and self.hearer is not None:
            # The parser would wait for a body that its head announces and that never comes.
            hearer = self.hearer
            self.close()
            hearer.reply_ended(is_reusable=False)

    def on_body(self, data: bytes) -> None:
        if self.hearer is not None:
            self.hearer.reply_went_on(data)

    def on_message_complete(self) -> None:
        head, hearer = self._head, self.hearer
        if hearer is None or head is None or 100 <= head.status < 200:
            return
        assert self._parser is not None
        self.hearer = None
        is_reusable = self._parser.should_keep_alive() and not self.is_closed
        hearer.reply_ended(is_reusable=is_reusable)
