"""The door: who may come in, asked once for every request before anything else looks at it."""

from __future__ import annotations

from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from tauon.api.answer import Sent
from tauon.api.problems import problem_of, problem_of_bug
from tauon.model.errors import AccessDenied, TauonError
from tauon.service.control_plane import ControlPlane

HEALTH_PATH = "/healthz"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Door:
    """Wraps the application (ASGI): a bearer token for everything but the health check, and only known names of the
    host where `hosts` are given (a page of another site could otherwise reach a local server by a name of its own)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticate: Callable[[str], str | None],
        control_plane_for: Callable[[str], ControlPlane],
        hosts: frozenset[str] | None,
    ) -> None:
        self._app = app
        self._authenticate = authenticate
        self._control_plane_for = control_plane_for
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        host = authorization = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value if not host else b"?"  # two of them are a trick
            elif name == b"authorization":
                authorization = value
        try:
            self._check_host(host)
            if scope["path"] != HEALTH_PATH:
                user = self._user(authorization)
                scope["user"] = user
                scope["auth"] = self._control_plane_for(user)
        except TauonError as error:
            await Sent(problem_of(error), error.http_status)(scope, receive, send)
            return
        except Exception as error:  # noqa: BLE001 - told to the log, never to the caller
            await Sent(problem_of_bug(error), 500)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_host(self, host: bytes) -> None:
        if self._hosts is None:
            return
        text = host.decode("latin-1").lower()
        name = text if text.endswith("]") else text.rpartition(":")[0] or text
        if name.removesuffix(".") not in self._hosts:
            raise AccessDenied(
                f"this server does not go by the name {name[:100]!r}; use the address that it was started with"
            )

    def _user(self, authorization: bytes) -> str:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() == b"bearer" and token.isascii():
            user = self._authenticate(token.strip().decode("ascii"))
            if user is not None:
                return user
            raise AccessDenied("this token is not (or no longer) valid here; run `tauon login`")
        raise AccessDenied("a bearer token is needed; run `tauon login`, or set TAUON_TOKEN")
