"""What many pages ask for is made once; every page hears of every event once, wherever it comes in."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest

from tauon.api.broadcast import Broadcast
from tauon.api.shared import Asked, Shared
from tauon.api.sse import FrameReader
from tauon.service.page_views import EventLine
from tests.api.plane import MemoryPlane


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.anyio
async def test_those_who_ask_together_get_one_answer() -> None:
    shared, made = Shared(Clock()), itertools.count()

    async def make() -> int:
        await asyncio.sleep(0)
        return next(made)

    answers = await asyncio.gather(*(shared.answer(Asked("a", 1.0), make) for _ in range(50)))
    assert set(answers) == {b"0"}


@pytest.mark.anyio
async def test_an_answer_is_good_for_a_while() -> None:
    clock = Clock()
    shared, made = Shared(clock), itertools.count()

    async def make() -> int:
        return next(made)

    assert await shared.answer(Asked("a", 1.0), make) == b"0"
    clock.now_s += 0.9
    assert await shared.answer(Asked("a", 1.0), make) == b"0"
    assert await shared.answer(Asked("b", 1.0), make) == b"1"
    clock.now_s += 0.2
    assert await shared.answer(Asked("a", 1.0), make) == b"2"


@pytest.mark.anyio
async def test_who_knows_of_something_newer_waits_for_it() -> None:
    shared, made = Shared(), itertools.count()

    async def make() -> int:
        return next(made)

    assert await shared.answer(Asked("a", 0.05, seq=7, known=7), make) == b"0"
    assert await shared.answer(Asked("a", 0.05, seq=8, known=7), make) == b"0"
    newer = await asyncio.gather(*(shared.answer(Asked("a", 0.05, seq=9, known=9), make) for _ in range(10)))
    assert set(newer) == {b"1"}


@pytest.mark.anyio
async def test_a_failure_is_told_to_all_and_kept_for_nobody() -> None:
    shared = Shared(Clock())

    async def fail() -> int:
        raise ValueError("no")

    async def make() -> int:
        return 1

    with pytest.raises(ValueError, match="no"):
        await shared.answer(Asked("a", 1.0), fail)
    assert await shared.answer(Asked("a", 1.0), make) == b"1"


async def seqs(broadcast: Broadcast, after: int, count: int) -> list[int]:
    """The positions of the next so many events that a reader gets."""
    reader, found = FrameReader(), []
    stream = broadcast.read(after)
    try:
        async for data in stream:
            for one in reader.feed(data):
                if not one.event:
                    line = msgspec.json.decode(one.data, type=EventLine)
                    assert one.id == str(line.seq)
                    found.append(line.seq)
            if len(found) >= count:
                return found
    finally:
        await stream.aclose()
    return found


@pytest.mark.anyio
async def test_each_reader_gets_each_event_once_wherever_it_comes_in() -> None:
    plane = MemoryPlane()
    await plane.happen(*("past",) * 20)
    broadcast = Broadcast(plane, 20)
    readers = [asyncio.create_task(seqs(broadcast, after, 60 - after)) for after in (0, 5, 19, 20)]
    for _ in range(4):
        await asyncio.sleep(0.01)
        await plane.happen(*("more",) * 10)
    for after, found in zip((0, 5, 19, 20), await asyncio.gather(*readers), strict=True):
        assert found == list(range(after + 1, 61))
    assert [what for what in plane.seen if what[0] == "watch"] == [("watch", 20, "")]
    assert plane.open_streams == 0


@pytest.mark.anyio
async def test_it_rests_while_nobody_reads_and_goes_on() -> None:
    plane = MemoryPlane()
    broadcast = Broadcast(plane, 0)
    for _ in range(3):
        before = len(plane.journal)
        task = asyncio.create_task(seqs(broadcast, before, 5))
        await asyncio.sleep(0)
        await plane.happen(*("a",) * 5)
        assert await task == list(range(before + 1, before + 6))
        await asyncio.sleep(0)
        assert plane.open_streams == 0
        await plane.happen("unseen")


@pytest.mark.anyio
async def test_whoever_leaves_in_the_middle_leaves_nothing_behind() -> None:
    plane = MemoryPlane()
    broadcast = Broadcast(plane, 0)
    first = broadcast.read(0)
    await anext(first)
    waiting = asyncio.ensure_future(anext(first))
    await asyncio.sleep(0.01)
    await plane.happen("a")
    await waiting
    await plane.happen("b")  # has come, and waits for its group to be sent
    await asyncio.sleep(0.01)
    await first.aclose()
    task = asyncio.create_task(seqs(broadcast, 2, 3))
    await asyncio.sleep(0.01)
    await plane.happen("c", "d", "e")
    assert await asyncio.wait_for(task, 10) == [3, 4, 5]


@pytest.mark.anyio
async def test_when_it_breaks_readers_are_sent_away_to_come_back() -> None:
    plane = MemoryPlane()
    broadcast = Broadcast(plane, 0)
    task = asyncio.create_task(seqs(broadcast, 0, 5))
    await asyncio.sleep(0.01)
    plane.raises = RuntimeError("the journal broke")
    await plane.happen("a")
    assert await task in ([], [1])
    assert broadcast.is_over
