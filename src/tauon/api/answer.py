"""Answers as bytes: one encoder, no copies, none of the framework's per-response bookkeeping on the hot path."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.response import Response
from litestar.types import Receive, Scope, Send

_ENCODER = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")
_EXTRA = {401: (b"www-authenticate", b"Bearer"), 503: (b"retry-after", b"1")}


class Sent:
    """A finished answer (an ASGI application)."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, content: Any, status: int, cookie: str = "") -> None:
        self._status = status
        self._body = content if type(content) is bytes else b"" if content is None else _ENCODER.encode(content)
        self._headers = [_JSON, (b"content-length", b"%d" % len(self._body))] if status != 204 else []
        if status in _EXTRA:
            self._headers.append(_EXTRA[status])
        if cookie:
            self._headers.append((b"set-cookie", cookie.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the shape of ASGI
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


class Answer(Response[Any]):
    """What a route returns, on its way out; bytes are JSON already."""

    def __init__(self, content: Any, *, status_code: int = 200, cookie: str = "", **_: Any) -> None:
        # The framework's own constructor prepares cookies, etags and background work each time: 30 us for nothing.
        self.content = content
        self.status_code = status_code
        self.cookie = cookie

    def to_asgi_response(self, app: Any, request: Any, **_: Any) -> Any:  # noqa: ARG002 - the framework's own shape
        """The finished answer."""
        return Sent(self.content, self.status_code or 200, self.cookie)
