"""The application: routes, door and open streams put together over a control plane."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from tauon.api.answer import Answer
from tauon.api.door import Door
from tauon.api.feed import Feeds
from tauon.api.page import Page
from tauon.api.problems import problem_of, problem_of_bug
from tauon.api.routes_document import ROUTES
from tauon.api.session import Sessions
from tauon.api.shared import Shared
from tauon.model.errors import InvalidRequest, InvariantViolated, NotFound, TauonError
from tauon.service.control_plane import ControlPlane

Asked = Request[Any, Any, Any]


class AppLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the application allows: size of an upload in bytes, open streams, seconds between heartbeats on them."""

    upload_bytes: int = 2**30
    streams: int = 2000
    heartbeat_s: float = 15.0


DEFAULT_LIMITS = AppLimits()


class App:
    """The whole HTTP API as one ASGI application."""

    def __init__(self, inner: Litestar, door: Door, feeds: Feeds) -> None:
        self.inner = inner
        self._door = door
        self._feeds = feeds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._door(scope, receive, send)

    def close_streams(self) -> None:
        """End all open streams and refuse new ones: the server goes down."""
        self._feeds.close()


def make_app(
    control_plane_for: Callable[[str], ControlPlane],
    authenticate: Callable[[str], str | None],
    *,
    hosts: frozenset[str] | None = None,
    limits: AppLimits = DEFAULT_LIMITS,
    sessions: Sessions | None = None,
    page: Page | None = None,
) -> App:
    """The API over the control plane that acts for a user; `authenticate` gives the user of a token, or None.

    Without `sessions` nobody can sign in to the page; `page` is the one that was built with this package, unless given.
    With `hosts` (names or addresses as in a URL, without port) requests under any other name are refused.
    """
    sessions = sessions or Sessions(secrets.token_bytes(32), lambda _: None)
    feeds = Feeds(most=limits.streams, heartbeat_s=limits.heartbeat_s)
    inner = Litestar(
        route_handlers=ROUTES,
        response_class=Answer,
        exception_handlers={TauonError: _refused, HTTPException: _not_understood, Exception: _broken},
        openapi_config=None,  # the document is made when it is asked for
        logging_config=None,
        state=State(
            {
                "feeds": feeds,
                "sessions": sessions,
                "shared": Shared(),
                "broadcasts": {},
                "blob_limit_bytes": limits.upload_bytes,
            }
        ),
        debug=False,
    )
    door = Door(
        inner,
        authenticate=authenticate,
        control_plane_for=control_plane_for,
        hosts=hosts,
        sessions=sessions,
        page=page or Page(),
    )
    return App(inner, door, feeds)


def _refused(request: Asked, error: TauonError) -> Answer:
    if isinstance(error, InvariantViolated):
        return _broken(request, error)
    return Answer(problem_of(error), status_code=error.http_status)


def _not_understood(request: Asked, error: HTTPException) -> Answer:
    """What the framework itself refuses: unknown paths, wrong methods."""
    path = request.scope["path"][:200]
    status = error.status_code
    if status == 404:
        return _refused(request, NotFound(f"there is nothing at {path!r}; /v1/openapi.json lists all paths"))
    if status >= 500:
        return _broken(request, error)
    said = f"{request.method} is not possible at {path!r}" if status == 405 else error.detail
    return Answer(problem_of(InvalidRequest(said)), status_code=status)


def _broken(request: Asked, error: Exception) -> Answer:  # noqa: ARG001 - the framework's own shape
    return Answer(problem_of_bug(error), status_code=500)
