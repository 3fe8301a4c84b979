"""Routes by which the page signs in and out: a token in, a cookie out that scripts can't read."""

from __future__ import annotations

from litestar import delete, post
from litestar.handlers import BaseRouteHandler
from litestar.response import Response

from tauon.api.answer import Answer
from tauon.api.edge import Caller, header
from tauon.api.session import LINK_S, SESSION_S, Sessions
from tauon.model.errors import InvalidRequest
from tauon.service.page_views import SignInLink
from tauon.service.views import ServerInfo


@post("/v1/session", status_code=200)
async def sign_in(request: Caller) -> Response[ServerInfo]:
    """Open a session for the page: the answer sets a cookie that stands for the token (or one-time code) of this request."""
    sessions = _sessions(request)
    info = await request.auth.info()
    value = sessions.open(_digest(request))
    return _with_cookie(request, info, f"{sessions.cookie}={value}; Max-Age={SESSION_S}")


@delete("/v1/session", status_code=204)
async def sign_out(request: Caller) -> Response[None]:
    """Let the browser forget its session."""
    return _with_cookie(request, None, f"{_sessions(request).cookie}=; Max-Age=0")


@post("/v1/session/link", status_code=200)
async def sign_in_link(request: Caller) -> SignInLink:
    """A code that signs a browser in as you, once and soon; it is made with a token, not with a session."""
    return SignInLink(code=_sessions(request).make_link(_digest(request)), within_s=LINK_S)


def _with_cookie(request: Caller, content: object, cookie: str) -> Answer:
    # A page that came by TLS (through a proxy) says so in its origin.
    secure = "; Secure" if header(request, b"origin").startswith("https://") else ""
    whole = f"{cookie}; Path=/; HttpOnly; SameSite=Strict{secure}"
    status = 200 if content is not None else 204
    return Answer(content, status_code=status, cookie=whole)


def _sessions(request: Caller) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


def _digest(request: Caller) -> str:
    """The digest of the token with which the door let this request in."""
    digest = request.scope.get("state", {}).get("digest", "")
    if not digest:
        raise InvalidRequest("this needs a token in the Authorization header, not a session")
    return str(digest)


ROUTES: list[BaseRouteHandler] = [sign_in, sign_out, sign_in_link]
