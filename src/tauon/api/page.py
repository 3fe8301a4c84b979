"""The web page as files: served from memory, compressed, under a content security policy that lets nothing else in."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import secrets
from pathlib import Path
from typing import Any

from litestar.types import HTTPScope, Send

FOLDER = Path(__file__).with_name("page_files")
_INDEX = "index.html"
_NONCE = "__NONCE__"
_SMALLEST_BYTES = 512
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tauon</title>
<h1>The page is not built</h1>
<p>This server runs from a checkout without its page. <code>make web</code> builds it (it needs Node 20 or newer);
an installed package brings it along. The API and the command line work without it.</p>
</html>
"""

Headers = list[tuple[bytes, bytes]]


class _File:
    """One file, plain and compressed."""

    __slots__ = ("compressed", "data", "headers", "tag")

    def __init__(self, path: Path, name: str) -> None:
        self.data = path.read_bytes()
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # What is not text gains nothing; a program of many functions shrinks to a quarter.
        squeezable = len(self.data) >= _SMALLEST_BYTES and not kind.startswith("image/png")
        self.compressed = gzip.compress(self.data, 6, mtime=0) if squeezable else b""
        self.tag = f'"{hashlib.sha256(self.data).hexdigest()[:16]}"'.encode()
        # Names under assets/ carry a digest of their content; all else may change with the next version.
        lasting = name.startswith("assets/")
        self.headers: Headers = [
            (b"content-type", f"{kind}; charset=utf-8".encode() if kind.startswith("text/") else kind.encode()),
            (b"cache-control", b"public, max-age=31536000, immutable" if lasting else b"no-cache"),
            (b"etag", self.tag),
            (b"vary", b"accept-encoding"),
        ]


class Page:
    """The built page in a folder. It is read when it is first asked for, and again only after a restart."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._index: str | None = None

    def has(self, method: str, path: str, accept: bytes) -> bool:
        """Whether a request is for the page: one of its files, or any address that a browser goes to."""
        if method not in ("GET", "HEAD") or path.startswith("/v1/") or path == "/healthz":
            return False
        return b"text/html" in accept or self._file(path) is not None

    async def answer(self, scope: HTTPScope, send: Send, headers: dict[bytes, bytes]) -> None:
        """Send a file, or the page itself for an address within it (a deep link)."""
        found = self._file(scope["path"])
        status, sent, body = 200, self._index_headers(nonce := secrets.token_urlsafe(16)), b""
        if found is None:
            body = self._index_text().replace(_NONCE, nonce).encode()
            if b"gzip" in headers.get(b"accept-encoding", b""):
                body = gzip.compress(body, 1, mtime=0)
                sent.append((b"content-encoding", b"gzip"))
        elif headers.get(b"if-none-match") == found.tag:
            status, sent = 304, found.headers
        elif found.compressed and b"gzip" in headers.get(b"accept-encoding", b""):
            body, sent = found.compressed, [*found.headers, (b"content-encoding", b"gzip")]
        else:
            body, sent = found.data, found.headers
        sent = [*sent, (b"content-length", b"%d" % len(body))] if status != 304 else sent
        start: Any = {"type": "http.response.start", "status": status, "headers": sent}
        await send(start)
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown, "more_body": False})

    def _index_headers(self, nonce: str) -> Headers:
        return [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"content-security-policy", _POLICY.format(nonce=nonce).encode()),
        ]

    def _index_text(self) -> str:
        if self._index is None:
            path = self._folder / _INDEX
            self._index = path.read_text("utf-8") if path.is_file() else _NOT_BUILT
        return self._index

    def _file(self, path: str) -> _File | None:
        name = path.lstrip("/")
        if name in self._files:
            return self._files[name]
        parts = name.split("/")
        if not name or name == _INDEX or any(part in ("", ".", "..") for part in parts) or "\\" in name or "\0" in name:
            return None
        where = self._folder / name
        if not where.is_file() or not where.resolve().is_relative_to(self._folder.resolve()):
            return None
        self._files[name] = found = _File(where, name)
        return found
