"""The heads of requests and replies: what goes through, what is the business of one connection alone, what is added."""

from __future__ import annotations

import json
from http import HTTPStatus

# Each connection has its own (RFC 9110, section 7.6.1); `expect` is answered here.
_OF_ONE_CONNECTION = frozenset(
    {
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_REPEATABLE = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"})
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_BODILESS = frozenset({204, 304})

Header = tuple[bytes, bytes]


class RequestHead:
    """A request without its body. Names of headers are in lower case in `by_name`."""

    __slots__ = ("by_name", "headers", "is_http_10", "keeps_alive", "method", "target", "upgrade")

    def __init__(self, method: bytes, target: bytes, headers: list[Header]) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.by_name = {name.lower(): value for name, value in headers}
        self.upgrade = self.by_name.get(b"upgrade", b"") if b"upgrade" in self._connection() else b""
        self.keeps_alive = True
        self.is_http_10 = False

    def _connection(self) -> bytes:
        return self.by_name.get(b"connection", b"").lower()

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it (RFC 9110, section 9.2.2, or by its key)."""
        return self.method in _REPEATABLE or b"idempotency-key" in self.by_name

    @property
    def is_chunked(self) -> bool:
        return b"transfer-encoding" in self.by_name

    @property
    def has_body(self) -> bool:
        return self.is_chunked or self.by_name.get(b"content-length", b"0") != b"0"

    @property
    def bearer(self) -> str:
        """The API key that it carries."""
        value = self.by_name.get(b"x-api-key") or self.by_name.get(b"authorization", b"")
        text = value.decode("latin-1")
        return text[7:].strip() if text[:7].lower() == "bearer " else text.strip()

    def forwarded(self, target: bytes, client: str, *, drop: frozenset[bytes]) -> bytes:
        """The head as a replica gets it."""
        named = {name.strip() for name in self._connection().split(b",")} - {b"", b"close", b"keep-alive", b"upgrade"}
        lines = [b"%s %s HTTP/1.1" % (self.method, target)]
        before = b""
        for name, value in self.headers:
            lower = name.lower()
            if lower in _OF_ONE_CONNECTION or lower in named or lower in drop:
                continue
            if lower == b"x-forwarded-for":
                before = value + b", "
                continue
            lines.append(b"%s: %s" % (name, value))
        lines.append(b"X-Forwarded-For: %s%s" % (before, client.encode()))
        if self.upgrade:
            lines.append(b"Connection: Upgrade\r\nUpgrade: %s" % self.upgrade)
        elif self.is_chunked:
            lines.append(b"Transfer-Encoding: chunked")
        return b"\r\n".join(lines) + b"\r\n\r\n"


class ResponseHead:
    """A reply without its body; `length` None means that only its end will tell."""

    __slots__ = ("content_type", "headers", "is_chunked", "length", "status")

    def __init__(self, status: int, headers: list[Header]) -> None:
        self.status = status
        self.headers = headers
        self.length: int | None = None
        self.is_chunked = False
        self.content_type = b""
        for name, value in headers:
            lower = name.lower()
            if lower == b"content-length":
                self.length = int(value)
            elif lower == b"transfer-encoding":
                self.is_chunked = True
            elif lower == b"content-type":
                self.content_type = value

    def has_body(self, method: bytes) -> bool:
        return method != b"HEAD" and self.status not in _BODILESS and self.status >= 200 and self.length != 0

    @property
    def ends_by_closing(self) -> bool:
        return self.length is None and not self.is_chunked

    def relayed(self, *, framing: bytes, closes: bool) -> bytes:
        """The head as the client gets it; `framing` is the header that says how the body ends, if one must be added."""
        lines = [b"HTTP/1.1 %d %s" % (self.status, _REASONS.get(self.status, b""))]
        lines += [b"%s: %s" % header for header in self.headers if header[0].lower() not in _OF_ONE_CONNECTION]
        if framing:
            lines.append(framing)
        if closes:
            lines.append(b"Connection: close")
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def switching(self) -> bytes:
        """The head of a reply that ends HTTP on this connection (101), as it came."""
        lines = [b"HTTP/1.1 %d %s" % (self.status, _REASONS.get(self.status, b""))]
        return b"\r\n".join([*lines, *(b"%s: %s" % header for header in self.headers)]) + b"\r\n\r\n"


def answer(status: int, message: str, *, retry_after_s: float | None = None, closes: bool = False) -> bytes:
    """A reply of the gateway itself: the sentence in JSON, as clients of OpenAI's API expect errors."""
    reason = _REASONS[status]
    body = json.dumps({"error": {"message": message, "type": reason.decode().lower().replace(" ", "_")}}).encode()
    return reply(status, body, b"application/json", retry_after_s=retry_after_s, closes=closes)


def reply(
    status: int, body: bytes, content_type: bytes, *, retry_after_s: float | None = None, closes: bool = False
) -> bytes:
    """A whole reply."""
    lines = [
        b"HTTP/1.1 %d %s" % (status, _REASONS[status]),
        b"Content-Type: " + content_type,
        b"Content-Length: %d" % len(body),
    ]
    if retry_after_s is not None:
        lines.append(b"Retry-After: %d" % max(1, round(retry_after_s)))
    if closes:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
