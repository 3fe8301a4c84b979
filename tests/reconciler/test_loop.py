"""The loop in real time: it answers to what happens at once, outlives failures, and ends when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from tauon.model.changes import Changes
from tauon.model.errors import StorageUnavailable
from tauon.model.event import Event
from tauon.ports.providers import AttemptsObserved, Phase
from tauon.reconciler import loop as loop_room
from tauon.reconciler.loop import Loop
from tauon.reconciler.memory_store import MemoryStore
from tests.reconciler.engine import Yard

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def at_work(yard: Yard) -> AsyncIterator[Loop]:
    """A loop that runs, and is closed at the end."""
    loop = Loop(yard.site)
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        loop.close()
        await asyncio.wait_for(task, 5)


async def until(came: Callable[[], bool]) -> None:
    """Let others run until something came about."""
    async with asyncio.timeout(5):
        while not came():  # noqa: ASYNC110 - what is waited for is told by nobody
            await asyncio.sleep(0)


async def test_it_is_ready_after_its_first_cycle_and_then_waits() -> None:
    yard = Yard()
    async with at_work(yard) as loop:
        await loop.ready.wait()
        assert list(yard.cluster.nodes) == ["n1"]
        looks = len(yard.engine.cursors)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(yard.engine.cursors) == looks


async def test_it_answers_at_once_when_it_is_woken() -> None:
    yard = Yard()
    async with at_work(yard) as loop:
        await loop.ready.wait()
        yard.submit(gpus=8)
        loop.wake()
        await until(lambda: bool(yard.engine.starts))


async def test_it_can_be_woken_from_another_thread() -> None:
    yard = Yard()
    async with at_work(yard) as loop:
        await loop.ready.wait()
        yard.submit(gpus=8)
        thread = threading.Thread(target=loop.wake)
        thread.start()
        await until(lambda: bool(yard.engine.starts))
        thread.join()


async def test_what_happens_during_a_cycle_is_seen_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    yard = Yard()
    async with at_work(yard) as loop:
        await loop.ready.wait()
        observe = yard.engine.observe

        async def observe_and_submit(cursor: str) -> AttemptsObserved:
            seen = await observe(cursor)
            if yard.cluster.jobs_submitted == 0:
                yard.submit(gpus=1)
                loop.wake()
            elif yard.cluster.jobs_submitted == 1:
                yard.submit(gpus=2)
                loop.wake()
            return seen

        monkeypatch.setattr(yard.engine, "observe", observe_and_submit)
        loop.wake()
        await until(lambda: len(yard.engine.starts) == 2)


class StoreThatBreaks(MemoryStore):
    """Fails the given number of writes."""

    failures = 0

    def write(self, events: Sequence[Event], changes: Changes) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("the disk is full")
        super().write(events, changes)


async def test_it_goes_on_when_the_journal_can_be_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_room, "STORAGE_RETRY_S", 0.001)
    store = StoreThatBreaks()
    yard = Yard(store=store)
    async with at_work(yard) as loop:
        await loop.ready.wait()
        yard.submit(gpus=8)
        store.failures = 3
        loop.wake()
        await until(lambda: bool(yard.engine.starts))
    assert [line for line in yard.logged if "the disk is full" in line] == yard.logged
    assert len(yard.logged) == 3


async def test_a_bug_in_one_cycle_leaves_no_job_without_a_keeper(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop_room, "STORAGE_RETRY_S", 0.001)
    yard = Yard()
    async with at_work(yard) as loop:
        await loop.ready.wait()
        observe = yard.engine.observe
        bugs = iter([KeyError("a bug"), ZeroDivisionError("another")])

        async def observe_or_break(cursor: str) -> AttemptsObserved:
            bug = next(bugs, None)
            if bug is not None:
                raise bug
            return await observe(cursor)

        monkeypatch.setattr(yard.engine, "observe", observe_or_break)
        yard.submit(gpus=8)
        loop.wake()
        await until(lambda: bool(yard.engine.starts))
        yard.engine.tell("j1-1", Phase.RUNNING)
        loop.wake()
        await until(lambda: "AttemptRunning" in yard.told())
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


async def test_it_ends_at_once_even_while_it_waits_to_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_room, "STORAGE_RETRY_S", 3600.0)
    store = StoreThatBreaks()
    yard = Yard(store=store)
    store.failures = 1
    async with at_work(yard):
        await until(lambda: bool(yard.logged))
