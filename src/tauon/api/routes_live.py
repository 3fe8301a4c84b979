"""Routes that many open pages ask at once: one answer, made once, serves them all."""

from __future__ import annotations

import re

import msgspec
from litestar import get, post
from litestar.handlers import BaseRouteHandler
from litestar.response import Response
from litestar.types import ASGIApp

from tauon.api.answer import Answer
from tauon.api.broadcast import Broadcast
from tauon.api.edge import Caller, document_of, last_event_id, query_of
from tauon.api.feed import Feeds
from tauon.api.shared import for_pages
from tauon.api.sse import MEDIA_TYPE
from tauon.service.control_plane import WhatIfQuery
from tauon.service.page_views import EventLine, Fleet, Overview, Replay

_GOOD_FOR_S = 0.5
_SEQ = re.compile(r"[0-9]{1,18}")


class LiveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """From where in the journal: after a position, or so many from the end when negative."""

    after: int = -1


@get("/v1/overview")
async def overview(request: Caller) -> Response[Overview]:
    """Capacity, the line, money and what needs attention; open pages share an answer that is a moment old at most."""
    return Answer(await for_pages(request, "overview", request.auth.overview, for_s=_GOOD_FOR_S))


@get("/v1/fleet")
async def fleet(request: Caller) -> Response[Fleet]:
    """Every accelerator in columns; open pages share an answer that is a moment old at most."""
    return Answer(await for_pages(request, "fleet", request.auth.fleet, for_s=_GOOD_FOR_S))


@post("/v1/what-if", status_code=200, opt={"body": WhatIfQuery})
async def what_if(request: Caller) -> Replay:
    """This server's own past, played again under other policies or on other nodes; it may take minutes."""
    return await request.auth.what_if(await document_of(request, WhatIfQuery))


@get("/v1/events/live", media_type=MEDIA_TYPE, opt={"query": LiveQuery, "event": EventLine})
async def live_events(request: Caller) -> ASGIApp:
    """The journal told briefly as it is written, for open pages: each `id` is a position to resume after (Last-Event-ID)."""
    query = query_of(request, LiveQuery)
    seq = (await request.auth.info()).seq
    after = query.after if query.after >= 0 else max(0, seq + query.after + 1)
    if _SEQ.fullmatch(last_event_id(request)):
        after = int(last_event_id(request))
    feeds: Feeds = request.app.state.feeds
    return feeds.feed(_broadcast(request, seq).read(min(after, seq)))


def _broadcast(request: Caller, seq: int) -> Broadcast:
    """The one for this user: what somebody may see is theirs alone to see."""
    broadcasts: dict[str, Broadcast] = request.app.state.broadcasts
    found = broadcasts.get(request.user)
    if found is None or found.is_over:
        found = broadcasts[request.user] = Broadcast(request.auth, seq)
    return found


ROUTES: list[BaseRouteHandler] = [overview, fleet, what_if, live_events]
