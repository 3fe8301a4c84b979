"""Requests over HTTP: tried again where that is safe, errors told as what they are, streams resumed where they broke."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec

from tauon import __version__
from tauon.api.connection import Connection, is_loopback_url
from tauon.api.lean_httpx import httpx
from tauon.api.outcome import absence, decoded, refusal
from tauon.api.patience import PAUSES_S, AsyncWait, pause_s
from tauon.api.problems import Problem, error_of
from tauon.api.sse import MEDIA_TYPE, Frame, FrameReader
from tauon.model.errors import Unavailable

T = TypeVar("T")

# A silent stream has a heartbeat every 15 s.
_SILENCE_S = 40.0


class AsyncCall(msgspec.Struct, frozen=True):
    """One request. `tries` is 1 where doing it twice could do harm."""

    method: str
    path: str
    params: dict[str, Any] = {}
    body: bytes | AsyncIterator[bytes] | None = None
    headers: dict[str, str] = {}
    tries: int = len(PAUSES_S) + 1


class AsyncWire:
    """A connection to one server. `patience_s` is how long a stream that once worked is tried to be resumed."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_s: float = 30.0,
        patience_s: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = connection.url
        self._patience_s = patience_s
        self._timeout = httpx.Timeout(timeout_s, connect=min(5.0, timeout_s))
        self._stream_timeout = httpx.Timeout(timeout_s, connect=min(5.0, timeout_s), read=max(_SILENCE_S, timeout_s))
        headers = {"user-agent": f"tauon/{__version__}"}
        if connection.token:
            headers["authorization"] = f"Bearer {connection.token}"
        self._http = httpx.AsyncClient(
            base_url=connection.url,
            headers=headers,
            timeout=self._timeout,
            transport=transport,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            verify=connection.url.startswith("https:"),  # reading the certificates takes 20 ms, for nothing over http
            trust_env=not is_loopback_url(connection.url),  # no proxy stands between us and ourselves
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, call: AsyncCall, kind: type[T]) -> T:
        """The answer to a request, as a value. Raises the error that the server raised, or Unavailable."""
        response = await self.send(call)
        if response.status_code >= 400:
            raise refusal(response.status_code, response.content, self.url)
        return decoded(response.content, kind, self.url)

    async def tell(self, call: AsyncCall) -> None:
        """The same, for a request whose answer is empty."""
        response = await self.send(call)
        if response.status_code >= 400:
            raise refusal(response.status_code, response.content, self.url)

    async def send(self, call: AsyncCall) -> httpx.Response:
        """The bare answer to a request, after as many tries as it may have."""
        headers = dict(call.headers)
        if isinstance(call.body, bytes):
            headers.setdefault("content-type", "application/json")
        tried = 0
        while True:
            tried += 1
            try:
                response = await self._http.request(
                    call.method, call.path, params=call.params, content=call.body, headers=headers
                )
            except httpx.TransportError as error:
                if tried >= call.tries:
                    raise absence(error, self.url) from error
            else:
                if response.status_code != 503 or tried >= call.tries:
                    return response
            await AsyncWait.sleep(pause_s(tried))

    async def frames(self, path: str, params: dict[str, Any]) -> AsyncGenerator[Frame, None]:
        """The events of a stream, resumed where it broke, until the server says that it is at its end."""
        position = ""
        failures = 0
        broken_at = 0.0
        patience_s = sum(PAUSES_S)  # for the first time that it opens: there may be no server at all
        while True:
            opened_at = time.monotonic()
            try:
                async with aclosing(self._frames_once(path, params, position)) as frames:
                    async for frame in frames:
                        failures = 0
                        patience_s = self._patience_s
                        position = frame.id or position
                        if frame.event == "end":
                            return
                        if not frame.event:
                            yield frame
                failure = Unavailable(f"the server at {self.url} ended the stream")
            except httpx.TransportError as error:
                failure = absence(error, self.url)
            except Unavailable as error:
                failure = error
            now = time.monotonic()
            if failures == 0 or now - opened_at > _SILENCE_S:
                failures = 0
                broken_at = now
            elif now - broken_at > patience_s:
                raise failure
            failures += 1
            await AsyncWait.sleep(pause_s(failures))

    async def _frames_once(self, path: str, params: dict[str, Any], position: str) -> AsyncGenerator[Frame, None]:
        headers = {"accept": MEDIA_TYPE}
        if position:
            headers["last-event-id"] = position
        async with self._http.stream(
            "GET", path, params=params, headers=headers, timeout=self._stream_timeout
        ) as response:
            if response.status_code >= 400:
                raise refusal(response.status_code, await response.aread(), self.url)
            reader = FrameReader()
            async for piece in response.aiter_bytes():
                for frame in reader.feed(piece):
                    if frame.event == "error":
                        raise error_of(decoded(frame.data, Problem, self.url))
                    yield frame
