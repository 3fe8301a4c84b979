"""What becomes of memory and of those who wait when a fact can't follow or the disk fails."""

from __future__ import annotations

import asyncio

import pytest

from tauon.model.cluster import Cluster
from tauon.model.errors import ConfigError, InvariantViolated, StorageUnavailable
from tauon.model.event import Event, JobCancelled, NodeReady
from tauon.model.ids import JobId
from tauon.reconciler.journal import GroupJournal, InlineJournal
from tests.builders import SECOND_US, START_US, a_house, a_job, a_node, a_run, an_attempt
from tests.clocks import ManualClock
from tests.reconciler.door import StoreWithDoor, outcome, submit
from tests.states import state_of

pytestmark = pytest.mark.anyio

NOT_IN_SERVICE = an_attempt(a_job(2), nodes=("n9",))


class TestFacts:
    """What can't follow changes nothing."""

    async def test_the_first_fact_can_not_follow(self, journal: GroupJournal, store: StoreWithDoor) -> None:
        journal.append([*a_house(), *submit(2)])
        before, cluster = state_of(journal.cluster), journal.cluster
        for bad in (
            [JobCancelled(job_id=JobId("j9"), by="ada")],
            a_run(a_job(2), NOT_IN_SERVICE)[1:],
            a_run(a_job(2), an_attempt(a_job(2), first=7))[2:],
            a_run(a_job(2), an_attempt(a_job(2, gpus=2), first=7))[1:],
        ):
            with pytest.raises(InvariantViolated):
                journal.append(bad)
        assert journal.cluster is cluster
        assert state_of(cluster) == before
        assert not cluster.changes.attempts
        await journal.durable(journal.append(submit(3)))
        assert len(list(store.all_events())) == 5

    @pytest.mark.parametrize("door_is_open", [True, False])
    async def test_a_later_fact_can_not_follow(
        self, journal: GroupJournal, store: StoreWithDoor, door_is_open: bool
    ) -> None:
        """Neither it nor those before it in the same append have happened; all other appends have."""
        if not door_is_open:
            store.open_door.clear()
        first = journal.append([*a_house(), *submit(1)])
        if not door_is_open:
            await store.one_arrived()
        second = journal.append(submit(2))
        before = state_of(journal.cluster)
        with pytest.raises(InvariantViolated, match="j9"):
            journal.append([*submit(3), JobCancelled(job_id=JobId("j9"), by="ada")])
        assert state_of(journal.cluster) == before
        third = journal.append(submit(3))
        store.open_door.set()
        assert [await outcome(journal, s) for s in (first, second, third)] == ["durable"] * 3
        assert [e.seq for e in store.all_events()] == list(range(1, third + 1))
        assert state_of(journal.cluster) == state_of(store.load())

    async def test_usage_is_counted_once_when_a_fold_is_repeated(
        self, journal: GroupJournal, store: StoreWithDoor, clock: ManualClock
    ) -> None:
        journal.append(a_house())
        clock.time_us += SECOND_US
        store.open_door.clear()
        journal.append([NodeReady(node=a_node(gpus=4))])
        await store.one_arrived()
        clock.time_us += SECOND_US
        last = journal.append([NodeReady(node=a_node(gpus=2))])
        with pytest.raises(InvariantViolated):
            journal.append([*submit(1), JobCancelled(job_id=JobId("j9"), by="ada")])
        store.open_door.set()
        await journal.durable(last)
        spans = [(r.from_us - START_US, r.to_us - START_US) for r in store.usage(from_us=0, to_us=2**62)]
        assert spans == [(0, SECOND_US), (SECOND_US, 2 * SECOND_US)]

    async def test_a_bug_in_the_fold_is_told_as_one(
        self, journal: GroupJournal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await journal.durable(journal.append(submit(1)))

        def apply(self: Cluster, event: Event) -> None:
            self._jobs.clear()
            raise KeyError(event.seq)

        with monkeypatch.context() as patch:
            patch.setattr(Cluster, "apply", apply)
            with pytest.raises(InvariantViolated, match="KeyError when folding"):
                journal.append(submit(2))
        assert list(journal.cluster.jobs) == ["j1"]
        await journal.durable(journal.append(submit(2)))

    async def test_memory_that_can_not_be_read_anew_takes_nothing(
        self, journal: GroupJournal, store: StoreWithDoor
    ) -> None:
        await journal.durable(journal.append(submit(1)))
        store.unreadable = StorageUnavailable("the disk is away")
        with pytest.raises(StorageUnavailable):
            journal.append([*submit(2), JobCancelled(job_id=JobId("j9"), by="ada")])
        with pytest.raises(StorageUnavailable):
            journal.append(submit(2))
        store.unreadable = None
        await journal.restored()
        assert list(journal.cluster.jobs) == ["j1"]
        await journal.durable(journal.append(submit(2)))


class TestFailingDisk:
    """Nobody is told that something is durable when it isn't, and everybody hears."""

    async def test_everybody_hears_and_memory_goes_back(self, journal: GroupJournal, store: StoreWithDoor) -> None:
        kept = journal.append([*a_house(), *submit(1)])
        await journal.durable(kept)
        store.open_door.clear()
        lost = [journal.append(submit(2))]
        await store.one_arrived()
        lost.append(journal.append(submit(3)))
        waiting = [asyncio.ensure_future(outcome(journal, seq)) for seq in lost]
        store.broken = StorageUnavailable("the disk is full")
        store.open_door.set()
        assert await asyncio.gather(*waiting) == ["the disk is full"] * 2
        await journal.restored()
        assert (journal.cluster.seq, list(journal.cluster.jobs)) == (kept, ["j1"])
        assert await outcome(journal, lost[0]) != "durable"
        assert await outcome(journal, kept) == "durable"
        store.broken = None
        assert journal.append(submit(2)) == lost[0]
        await journal.durable(lost[0])
        assert [e.seq for e in store.all_events()] == list(range(1, lost[0] + 1))
        recent = journal.recent(kept)
        assert recent is not None
        assert [e.fact for e in recent] == submit(2)

    async def test_what_was_written_all_the_same_is_durable(self, journal: GroupJournal, store: StoreWithDoor) -> None:
        """The connection broke after the commit: the store knows better than the error."""
        store.open_door.clear()
        written = journal.append(submit(1))
        await store.one_arrived()
        lost = journal.append(submit(2))
        waiting = [asyncio.ensure_future(outcome(journal, seq)) for seq in (written, lost)]
        store.broken, store.fails_after_writing = StorageUnavailable("it hung up"), True
        store.open_door.set()
        assert await asyncio.gather(*waiting) == ["durable", "it hung up"]
        recent = journal.recent(0)
        assert recent is not None
        assert [e.seq for e in recent] == [written]
        store.broken = None
        await journal.durable(journal.append(submit(2)))

    async def test_nothing_is_taken_until_memory_can_be_read_anew(
        self, journal: GroupJournal, store: StoreWithDoor
    ) -> None:
        store.broken = store.unreadable = StorageUnavailable("the server is away")
        lost = journal.append(submit(1))
        assert await outcome(journal, lost) == "the server is away"
        for _ in range(3):
            with pytest.raises(StorageUnavailable, match="the server is away"):
                journal.append(submit(2))
            assert await outcome(journal, lost) == "the server is away"
        store.broken = store.unreadable = None
        await journal.restored()
        assert journal.cluster.seq == 0
        await journal.durable(journal.append(submit(1)))

    @pytest.mark.parametrize("error", [ConfigError("a newer version has taken over"), KeyError("a bug")])
    async def test_any_other_error_is_heard_too(
        self, journal: GroupJournal, store: StoreWithDoor, error: Exception
    ) -> None:
        store.broken = error
        assert str(error) in await outcome(journal, journal.append(submit(1)))
        store.broken = None
        await journal.restored()
        await journal.durable(journal.append(submit(1)))

    async def test_another_server_has_written_meanwhile(self, journal: GroupJournal, store: StoreWithDoor) -> None:
        await journal.durable(journal.append(submit(1)))
        other = InlineJournal(store=store, clock=ManualClock())
        other.append(submit(2))
        assert await outcome(journal, journal.append(submit(3))) != "durable"
        await journal.restored()
        assert list(journal.cluster.jobs) == ["j1", "j2"]
        assert journal.recent(0) is None
        await journal.durable(journal.append(submit(3)))

    async def test_watchers_wait_on(self, journal: GroupJournal, store: StoreWithDoor) -> None:
        watcher = asyncio.ensure_future(journal.changed(0))
        store.broken = StorageUnavailable("the disk is full")
        assert await outcome(journal, journal.append(submit(1))) == "the disk is full"
        await journal.restored()
        store.broken = None
        assert not watcher.done()
        await journal.durable(journal.append(submit(1)))
        await watcher

    async def test_closing_does_not_wait_for_a_disk_that_does_not_come_back(self, store: StoreWithDoor) -> None:
        journal = GroupJournal(store=store, clock=ManualClock())
        store.broken = store.unreadable = StorageUnavailable("gone")
        assert await outcome(journal, journal.append(submit(1))) == "gone"
        await journal.close()
