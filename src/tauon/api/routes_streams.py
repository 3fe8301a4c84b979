"""Routes for what goes on happening: logs and the journal, as one answer or as a stream that can be resumed."""

from __future__ import annotations

import binascii
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import msgspec
from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.response import Stream
from litestar.types import ASGIApp

from tauon.api.edge import Caller, job_name, last_event_id, query_of
from tauon.api.feed import Feeds
from tauon.api.sse import MEDIA_TYPE, frame
from tauon.ports.providers import LogChunk
from tauon.service.control_plane import ControlPlane, LogQuery
from tauon.service.views import EventView

# How long the events of a busy journal are gathered before they are sent together.
_GROUP_EVENTS_S = 0.1
_GROUP_LOGS_S = 0.02
_POSITION = re.compile(r"([0-9]{1,9})\.([0-9]{1,18})")
_SEQ = re.compile(r"[0-9]{1,18}")


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of the journal: those after a position (or so many from the end, when negative), of one subject."""

    after: int = 0
    subject: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class WatchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The same, without an end."""

    after: int = 0
    subject: str = ""


class OutputQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`LogQuery` for what is there already."""

    rank: Annotated[int, msgspec.Meta(ge=0)] = 0
    attempt: Annotated[int, msgspec.Meta(ge=1)] | None = None
    offset: int = 0


@get("/v1/jobs/{job:str}/logs", media_type="application/octet-stream", opt={"query": OutputQuery})
async def logs(request: Caller, job: FromPath[str]) -> Stream:
    """A worker's output so far, as the bytes it wrote. X-Start-Offset says how many went before."""
    query = query_of(request, OutputQuery)
    wanted = LogQuery(rank=query.rank, attempt=query.attempt, offset=query.offset)
    chunks = request.auth.logs(job_name(job), wanted)
    first = await anext(chunks, None)
    start = 0 if first is None else first.next_offset - len(first.data)

    async def pieces() -> AsyncGenerator[bytes, None]:
        if first is not None:
            yield first.data
            async for chunk in chunks:
                yield chunk.data

    return Stream(pieces(), media_type="application/octet-stream", headers={"X-Start-Offset": str(start)})


@get("/v1/jobs/{job:str}/logs/stream", media_type=MEDIA_TYPE, opt={"query": LogQuery})
async def log_stream(request: Caller, job: FromPath[str]) -> ASGIApp:
    """A worker's output as events: `data` is Base64, `id` the place to resume after (Last-Event-ID); `end` is the end."""
    query = query_of(request, LogQuery)
    resumed = _POSITION.fullmatch(last_event_id(request))
    if resumed:
        query = msgspec.structs.replace(query, attempt=int(resumed[1]), offset=int(resumed[2]))
    detail = await request.auth.job(job_name(job))  # raises NotFound while that can still be the answer
    if query.attempt is None and detail.attempts:
        # The attempt is settled now, so that a reader who comes back does not find himself in the next one.
        query = msgspec.structs.replace(query, attempt=detail.attempts[-1].number)
    return _feeds(request).feed(_log_frames(request.auth, detail.job.id, query), group_s=_GROUP_LOGS_S)


async def _log_frames(plane: ControlPlane, job: str, query: LogQuery) -> AsyncGenerator[bytes, None]:
    chunks: AsyncIterator[LogChunk] = plane.logs(job, query)
    async for chunk in chunks:
        data = binascii.b2a_base64(chunk.data, newline=False)
        yield frame(data, position=f"{query.attempt or 0}.{chunk.next_offset}")
    yield frame(b"", event="end")


@get("/v1/events", opt={"query": EventQuery})
async def events(request: Caller) -> list[EventView]:
    """Lines of the journal, oldest first."""
    query = query_of(request, EventQuery)
    return await request.auth.events(after=query.after, subject=query.subject, limit=query.limit)


@get("/v1/events/stream", media_type=MEDIA_TYPE, opt={"query": WatchQuery})
async def event_stream(request: Caller) -> ASGIApp:
    """The journal as it is written: each event's `id` is its position, after which a stream resumes (Last-Event-ID)."""
    query = query_of(request, WatchQuery)
    after = query.after
    if _SEQ.fullmatch(last_event_id(request)):
        after = int(last_event_id(request))
    elif after < 0:
        # Settled now and told in the first frame: counted from a later end, "the last ten" would leave a gap.
        after = max(0, (await request.auth.info()).seq + after)
    return _feeds(request).feed(_event_frames(request.auth, after, query.subject), group_s=_GROUP_EVENTS_S)


async def _event_frames(plane: ControlPlane, after: int, subject: str) -> AsyncGenerator[bytes, None]:
    encoder = msgspec.json.Encoder()
    yield frame(b"", event="open", position=str(after))
    async for event in plane.watch(after=after, subject=subject):
        yield frame(encoder.encode(event), position=str(event.seq))


def _feeds(request: Caller) -> Feeds:
    feeds: Feeds = request.app.state.feeds
    return feeds


ROUTES: list[BaseRouteHandler] = [logs, log_stream, events, event_stream]
