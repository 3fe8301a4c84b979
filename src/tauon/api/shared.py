"""Answers that many pages ask for at once: made once, kept for a moment as bytes, and given to all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple

import msgspec

from tauon.api.edge import Caller, header

_ENCODER = msgspec.json.Encoder()
_MOST = 256
_DIGITS = 19
# What only this server's own page can send along: a browser asks before it lets another site do so, and is not answered.
# It says up to which position of the journal the page knows what happened.
PAGE_HEADER = b"x-tauon-page"


class Asked(NamedTuple):
    """What is asked for: its key, how long an answer is good for, where the journal is, and what the asker knows of it."""

    key: Hashable
    for_s: float
    seq: int = 0
    known: int = 0


async def for_pages(request: Caller, what: Hashable, make: Callable[[], Awaitable[object]], *, for_s: float) -> object:
    """What a route answers: shared where an open page asks, which says what it knows of; made anew for everybody else."""
    told = header(request, PAGE_HEADER)
    if not told:
        return await make()
    shared: Shared = request.app.state.shared
    seq = (await request.auth.info()).seq
    known = min(int(told), seq) if told.isdigit() and len(told) < _DIGITS else 0
    return await shared.answer(Asked((what, request.user), for_s, seq, known), make)


async def kept_for_pages(
    request: Caller, what: Hashable, make: Callable[[], Awaitable[object]], *, for_s: float
) -> object:
    """The same for what may be as old as that, whatever has happened since."""
    if not header(request, PAGE_HEADER):
        return await make()
    shared: Shared = request.app.state.shared
    return await shared.answer(Asked((what, request.user), for_s), make)


class _Kept(NamedTuple):
    data: bytes
    made_s: float
    seq: int


class Shared:
    """Encoded answers by what was asked and by whom."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._answers: dict[Hashable, _Kept] = {}
        self._making: dict[Hashable, asyncio.Task[_Kept]] = {}

    async def answer(self, asked: Asked, make: Callable[[], Awaitable[object]]) -> bytes:
        """The answer, at most `for_s` seconds old and not from before a position of the journal that the asker knows of.

        It is made at most once in `for_s` seconds: whoever knows of something newer waits until then, all together.
        """
        while True:
            kept = self._answers.get(asked.key)
            age_s = asked.for_s if kept is None else self._now_s() - kept.made_s
            if kept is not None and kept.seq >= asked.known and age_s < asked.for_s:
                return kept.data
            if kept is not None and age_s < asked.for_s:
                await asyncio.sleep(asked.for_s - age_s)
                continue
            task = self._making.get(asked.key)
            if task is None:
                task = self._making[asked.key] = asyncio.create_task(self._make(asked, make))
            # Shielded: one page that leaves must not take the answer away from the others.
            kept = await asyncio.shield(task)
            if kept.seq >= asked.known:
                return kept.data

    async def _make(self, asked: Asked, make: Callable[[], Awaitable[object]]) -> _Kept:
        began_s, seq = self._now_s(), asked.seq
        try:
            data = _ENCODER.encode(await make())
        finally:
            del self._making[asked.key]
        if len(self._answers) >= _MOST:
            self._answers.clear()
        kept = self._answers[asked.key] = _Kept(data, began_s, seq)
        return kept
