"""The journal for many readers at once: watched once, told and encoded once, handed to every open page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec

from tauon.api.sse import frame
from tauon.service.control_plane import ControlPlane
from tauon.service.page_views import EventLine
from tauon.service.views import EventView

# Events that come within this time go together, so that a busy journal costs each reader as much as a quiet one.
GROUP_S = 0.1
_CATCH_UP = 1000
_MOST_BEHIND = 64

_ENCODER = msgspec.json.Encoder()


class _Group:
    """Events that are sent together: their frames, and the positions of the first and the last."""

    __slots__ = ("data", "first", "frames", "last")

    def __init__(self, events: list[EventView]) -> None:
        self.frames = [(event.seq, _frame(event)) for event in events]
        self.data = b"".join(data for _, data in self.frames)
        self.first, self.last = events[0].seq, events[-1].seq

    def after(self, position: int) -> bytes:
        """What a reader at a position has not had."""
        if position < self.first:
            return self.data
        return b"".join(data for seq, data in self.frames if seq > position)


class Broadcast:
    """The journal from now on, for all readers that act for one user."""

    def __init__(self, plane: ControlPlane, position: int) -> None:
        self._plane = plane
        self._readers: set[asyncio.Queue[_Group | None]] = set()
        self._events: list[EventView] = []
        self._came = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._failed = False
        self.position = position

    @property
    def is_over(self) -> bool:
        """Whether it can be joined no more."""
        return self._failed

    async def read(self, after: int) -> AsyncGenerator[bytes, None]:
        """Frames of the events after a position, for ever; those that are past already first."""
        position = after
        yield frame(b"", event="open", position=str(position))
        queue: asyncio.Queue[_Group | None] = asyncio.Queue()
        while True:
            # What is past comes from the journal; from the first await-free moment at which nothing is, groups follow.
            while position < self.position:
                past = await self._plane.events(after=position, limit=_CATCH_UP)
                if not past:
                    position = self.position
                    break
                position = past[-1].seq
                yield _Group(past).data
            if position >= self.position:
                break
        self._join(queue, position)
        try:
            while (group := await queue.get()) is not None:
                data = group.after(position)
                position = max(position, group.last)
                if data:
                    yield data
        finally:
            self._leave(queue)

    def _join(self, queue: asyncio.Queue[_Group | None], position: int) -> None:
        self._readers.add(queue)
        if not self._tasks:
            self.position = position
            self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._publish())]

    def _leave(self, queue: asyncio.Queue[_Group | None]) -> None:
        self._readers.discard(queue)
        if not self._readers:
            self._end()

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._events.clear()
        self._came.clear()

    async def _watch(self) -> None:
        try:
            async with contextlib.aclosing(self._plane.watch(after=self.position)) as events:  # type: ignore[type-var]
                async for event in events:
                    self._events.append(event)
                    self._came.set()
        except Exception:
            # Readers come back by themselves, and hear of the reason when they do.
            self._failed = True
            for queue in self._readers:
                queue.put_nowait(None)
            raise

    async def _publish(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            events, self._events = self._events, []
            group = _Group(events)
            self.position = group.last
            for queue in list(self._readers):
                if queue.qsize() < _MOST_BEHIND:
                    queue.put_nowait(group)
                else:  # too slow to keep: it resumes from where it is
                    self._readers.discard(queue)
                    queue.put_nowait(None)
            await asyncio.sleep(GROUP_S)


def _frame(event: EventView) -> bytes:
    line = EventLine(seq=event.seq, at=event.at, type=event.type, subject=event.subject, text=event.text)
    return frame(_ENCODER.encode(line), position=str(event.seq))
