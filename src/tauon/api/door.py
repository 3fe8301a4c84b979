"""The door: who may come in, asked once for every request before anything else looks at it."""

from __future__ import annotations

from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from tauon.api.answer import Sent
from tauon.api.page import Page
from tauon.api.problems import problem_of, problem_of_bug
from tauon.api.session import Sessions, cookie_value, digest_of
from tauon.api.shared import PAGE_HEADER
from tauon.model.errors import AccessDenied, TauonError
from tauon.service.control_plane import ControlPlane

HEALTH_PATH = "/healthz"
SESSION_PATH = "/v1/session"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

_POLICY = b"content-security-policy"
_CLOSED = [(_POLICY, b"default-src 'none'; frame-ancestors 'none'"), (b"cache-control", b"no-store")]
_WANTED = frozenset(
    {b"host", b"authorization", b"accept", b"accept-encoding", b"cookie", b"if-none-match", PAGE_HEADER}
)

Headers = dict[bytes, bytes]


class Door:
    """Wraps the application (ASGI): a bearer token or a session of the page for everything but the page's own files and
    the health check, and only known names of the host where `hosts` are given (a page of another site could otherwise
    reach a local server by a name of its own)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticate: Callable[[str], str | None],
        control_plane_for: Callable[[str], ControlPlane],
        hosts: frozenset[str] | None,
        sessions: Sessions,
        page: Page,
    ) -> None:
        self._app = app
        self._authenticate = authenticate
        self._control_plane_for = control_plane_for
        self._hosts = hosts
        self._sessions = sessions
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        headers: Headers = {}
        for name, value in scope["headers"]:
            if name in _WANTED:
                headers[name] = b"?" if name == b"host" and name in headers else value  # two hosts are a trick
        try:
            self._check_host(headers.get(b"host", b""))
            if self._page.has(scope["method"], scope["path"], headers.get(b"accept", b"")):
                await self._page.answer(scope, send, headers)
                return
            if scope["path"] != HEALTH_PATH:
                user = self._user(scope, headers)
                scope["user"] = user
                scope["auth"] = self._control_plane_for(user)
        except TauonError as error:
            await Sent(problem_of(error), error.http_status)(scope, receive, _closed(send))
            return
        except Exception as error:  # noqa: BLE001 - told to the log, never to the caller
            await Sent(problem_of_bug(error), 500)(scope, receive, _closed(send))
            return
        await self._app(scope, receive, _closed(send))

    def _check_host(self, host: bytes) -> None:
        if self._hosts is None:
            return
        text = host.decode("latin-1").lower()
        name = text if text.endswith("]") else text.rpartition(":")[0] or text
        if name.removesuffix(".") not in self._hosts:
            raise AccessDenied(
                f"this server does not go by the name {name[:100]!r}; use the address that it was started with"
            )

    def _user(self, scope: HTTPScope, headers: Headers) -> str:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and token.isascii():
            text = token.strip().decode("ascii")
            user = self._authenticate(text)
            if user is None:
                raise AccessDenied("this token is not (or no longer) valid here; run `tauon login`")
            if scope["path"].startswith(SESSION_PATH):
                scope.setdefault("state", {})["digest"] = digest_of(text)
            return user
        if scheme.lower() == b"code" and scope["path"] == SESSION_PATH:
            digest = self._sessions.redeem(token.decode("latin-1"))
            scope.setdefault("state", {})["digest"] = digest
            return self._sessions.user(self._sessions.open(digest))
        session = cookie_value(headers.get(b"cookie", b"").decode("latin-1"), self._sessions.cookie)
        if session:
            if scope["method"] not in ("GET", "HEAD") and PAGE_HEADER not in headers:
                raise AccessDenied("a session acts only through the page itself; programs use a token")
            return self._sessions.user(session)
        raise AccessDenied("a bearer token is needed; run `tauon login`, or set TAUON_TOKEN")


def _closed(send: Send) -> Send:
    """Send with headers that let nobody keep the answer or show it as a page."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_CLOSED]
        await send(message)

    return sending
