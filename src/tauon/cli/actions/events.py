"""Tell the journal: its last lines, those since a time, and those to come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from tauon.cli.actions.moments import moment_us
from tauon.cli.options import EventOptions
from tauon.cli.output import Output
from tauon.cli.render.events import event_line
from tauon.cli.streams import closing
from tauon.service.control_plane import ControlPlane
from tauon.service.views import EventView, moment

_PAGE = 1000


async def tell_events(plane: ControlPlane, output: Output, options: EventOptions) -> int:
    """`tauon events`."""
    since_us = moment_us(options.since, "--since", output.screen)
    last = (await plane.info()).seq
    if since_us is not None:
        after = await _before(plane, moment(since_us), last)
    else:
        after = await _last(plane, options, last)
    told = 0
    async for event in _after(plane, after, options.subject, last):
        output.stream(event, event_line)
        told += 1
    if options.follow:
        output.patience.over()
        async with closing(plane.watch(after=last, subject=options.subject)) as news:
            async for event in news:
                output.stream(event, event_line)
    elif not told:
        about = f" to {options.subject}" if options.subject else ""
        output.note(f"Nothing has happened{about}{' since then' if options.since else ''}.")
    return 0


async def _after(plane: ControlPlane, after: int, subject: str, last: int) -> AsyncIterator[EventView]:
    """The events after a position, page by page, up to the last one there was."""
    while after < last:
        page = await plane.events(after=after, subject=subject, limit=_PAGE)
        for event in page:
            yield event
        if not page:
            return
        after = page[-1].seq


async def _last(plane: ControlPlane, options: EventOptions, last: int) -> int:
    """The position after which so many events follow as are wanted."""
    if not options.tail:
        return 0
    if not options.subject:
        return max(0, last - options.tail)
    found = [0] + [event.seq async for event in _after(plane, 0, options.subject, last)]
    return found[-options.tail - 1] if len(found) > options.tail else 0


async def _before(plane: ControlPlane, at: datetime, last: int) -> int:
    """The position of the last event before a moment, found by halving the journal."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        page = await plane.events(after=middle, limit=1)
        if page and page[0].at < at:
            low = middle + 1
        else:
            high = middle
    return low
