"""When the journal had to go back to what its disk has, the loop forgets what it remembers, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tauon.model.changes import Changes
from tauon.model.errors import StorageUnavailable
from tauon.model.event import AttemptPlaced, Event
from tauon.model.ids import AttemptId
from tauon.model.job import JobState
from tauon.ports.providers import Ending, Phase
from tauon.reconciler.memory_store import MemoryStore
from tests.builders import SECOND_US
from tests.reconciler.engine import Yard

pytestmark = pytest.mark.anyio
A1 = AttemptId("j1-1")


class StoreThatBreaks(MemoryStore):
    """Fails as long as it is told to."""

    broken = False

    def write(self, events: Sequence[Event], changes: Changes) -> None:
        if self.broken:
            raise StorageUnavailable("the disk is full")
        super().write(events, changes)


async def test_nothing_is_started_that_is_not_in_the_journal() -> None:
    store = StoreThatBreaks()
    yard = Yard(store=store)
    await yard.cycle()
    job = yard.submit(gpus=8)
    store.broken = True
    with pytest.raises(StorageUnavailable):
        await yard.cycle()
    assert yard.engine.starts == []
    assert yard.cluster.jobs[job.id].state is JobState.QUEUED
    store.broken = False
    yard.site.owe_all()
    await yard.cycle()
    assert yard.engine.starts == [A1]
    assert [e.fact.attempt.id for e in yard.events() if isinstance(e.fact, AttemptPlaced)] == [A1]


async def test_an_end_that_was_not_written_is_seen_again() -> None:
    store = StoreThatBreaks()
    yard = Yard(store=store)
    job = await yard.running(gpus=8)
    yard.engine.tell(A1, Phase.ENDED, Ending.EXITED, 0)
    store.broken = True
    with pytest.raises(StorageUnavailable):
        await yard.cycle()
    assert yard.engine.forgotten == []
    assert yard.cluster.jobs[job.id].state is JobState.RUNNING
    store.broken = False
    await yard.cycle()
    assert store.count_jobs() == {JobState.SUCCEEDED: 1}
    assert yard.engine.forgotten == [A1]


async def test_the_loop_begins_anew_when_the_journal_went_back_behind_its_back() -> None:
    store = StoreThatBreaks()
    yard = Yard(store=store)
    await yard.cycle()
    store.broken = True
    with pytest.raises(StorageUnavailable):
        yard.submit(gpus=8)
    store.broken = False
    yard.submit(gpus=8)
    yard.pool.starts[AttemptId("j9-1")] = 0
    await yard.cycle()
    assert yard.engine.starts == [A1]
    assert yard.engine.cursors[-1] == ""


async def test_a_clock_that_is_set_back_sets_nothing_back() -> None:
    yard = Yard()
    await yard.running(gpus=8)
    yard.wait(100)
    yard.engine.tell(A1, Phase.ENDED, Ending.EXITED, 0)
    await yard.cycle()
    ended_us = yard.clock.now_us()
    yard.wait(-50)
    yard.submit(gpus=8)
    await yard.cycle()
    (attempt,) = yard.cluster.attempts.values()
    assert attempt.placed_at_us == ended_us, "nobody holds an accelerator before the one before has let go"
    assert {e.at_us for e in yard.events(yard.cluster.seq - 1)} == {ended_us}
    assert yard.clock.now_us() == ended_us - 50 * SECOND_US
