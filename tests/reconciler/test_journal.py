"""Group commit, acknowledgements, time, keys, and what becomes of memory when the disk fails."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tauon.model.errors import InvariantViolated, StorageUnavailable
from tauon.model.event import JobCancelled, JobSubmitted, NodeReady
from tauon.model.ids import JobId
from tauon.reconciler.journal import GroupJournal, InlineJournal
from tauon.reconciler.ledger import KEPT
from tauon.reconciler.memory_store import MemoryStore
from tests.builders import SECOND_US, START_US, a_house, a_job, a_node, a_run, an_attempt
from tests.clocks import ManualClock
from tests.reconciler.door import StoreWithDoor, outcome, submit
from tests.states import state_of

pytestmark = pytest.mark.anyio

NOT_IN_SERVICE = an_attempt(a_job(2), nodes=("n9",))


async def test_facts_are_folded_at_once_and_durable_later(journal: GroupJournal, store: StoreWithDoor) -> None:
    store.open_door.clear()
    seq = journal.append([*a_house(), *submit(1)])
    assert seq == journal.cluster.seq == 4
    assert list(journal.cluster.jobs) == ["j1"]
    waiting = asyncio.ensure_future(outcome(journal, seq))
    await store.one_arrived()
    assert not waiting.done()
    assert store.events() == []
    store.open_door.set()
    assert await waiting == "durable"
    assert [e.seq for e in store.all_events()] == [1, 2, 3, 4]
    await journal.durable(seq)


async def test_all_that_comes_while_a_group_is_written_is_the_next_group(
    journal: GroupJournal, store: StoreWithDoor
) -> None:
    store.open_door.clear()
    first = [journal.append(submit(n)) for n in (1, 2)]
    await store.one_arrived()
    second = [journal.append(submit(n)) for n in (3, 4, 5)]
    waiting = [asyncio.ensure_future(outcome(journal, seq)) for seq in (*first, *second)]
    store.open_door.set()
    assert await asyncio.gather(*waiting) == ["durable"] * 5
    assert store.groups == [[1, 2], [3, 4, 5]]
    assert len(store.threads) == 1
    assert "journal" in store.threads.pop()


async def test_a_group_has_the_rows_that_its_events_changed(journal: GroupJournal, store: StoreWithDoor) -> None:
    store.open_door.clear()
    job = a_job(1)
    journal.append([*a_house(), JobSubmitted(job=job)])
    await store.one_arrived()
    last = journal.append(a_run(job, an_attempt(job))[1:])
    store.open_door.set()
    await journal.durable(last)
    found = store.find_job(job.id)
    assert found is not None
    assert found.state == "running"
    assert state_of(journal.cluster) == state_of(store.load())


async def test_nothing_to_append_is_nothing_to_write(journal: GroupJournal, store: StoreWithDoor) -> None:
    await journal.durable(journal.append([]))
    assert store.groups == []


async def test_waiting_can_be_given_up(journal: GroupJournal, store: StoreWithDoor) -> None:
    store.open_door.clear()
    seq = journal.append(submit(1))
    impatient = asyncio.ensure_future(journal.durable(seq))
    patient = asyncio.ensure_future(outcome(journal, seq))
    await store.one_arrived()
    impatient.cancel()
    store.open_door.set()
    assert await patient == "durable"
    assert impatient.cancelled()


async def test_time_never_goes_back(journal: GroupJournal, store: StoreWithDoor, clock: ManualClock) -> None:
    times = [START_US, START_US + SECOND_US, START_US - 3_600 * SECOND_US, START_US + 2 * SECOND_US]
    for number, time_us in enumerate(times, 1):
        clock.time_us = time_us
        await journal.durable(journal.append(submit(number)))
    expected = [START_US, START_US + SECOND_US, START_US + SECOND_US, START_US + 2 * SECOND_US]
    assert [e.at_us for e in store.all_events()] == expected
    clock.time_us = 0
    again = GroupJournal(store=store, clock=clock)
    await again.durable(again.append(submit(5)))
    assert store.events(after=4)[0].at_us == START_US + 2 * SECOND_US
    await again.close()


async def test_recent_events_are_told_when_they_are_durable(journal: GroupJournal, store: StoreWithDoor) -> None:
    assert journal.recent(0) == []
    told = asyncio.ensure_future(journal.changed(0))
    store.open_door.clear()
    seq = journal.append(submit(1))
    await store.one_arrived()
    assert journal.recent(0) == []
    assert not told.done()
    store.open_door.set()
    await told
    await journal.durable(seq)
    await journal.durable(journal.append([*submit(2), *submit(3)]))
    recent = journal.recent(1)
    assert recent is not None
    assert [e.seq for e in recent] == [2, 3]
    assert journal.recent(0) == list(store.all_events())
    assert journal.recent(3) == journal.recent(99) == []
    await journal.changed(2)


async def test_what_is_no_longer_kept_is_not_told_in_part(journal: GroupJournal, store: StoreWithDoor) -> None:
    facts = [NodeReady(node=a_node(gpus=n % 2)) for n in range(KEPT + 10)]
    await journal.durable(journal.append(facts))
    assert journal.recent(9) is None
    recent = journal.recent(10)
    assert recent is not None
    assert len(recent) == KEPT
    later = GroupJournal(store=store, clock=ManualClock())
    assert later.recent(KEPT) is None
    assert later.recent(KEPT + 10) == []
    await later.close()


async def test_closing_writes_what_is_pending(store: StoreWithDoor) -> None:
    journal = GroupJournal(store=store, clock=ManualClock())
    journal.append(submit(1))
    await journal.close()
    assert len(store.events()) == 1
    with pytest.raises(StorageUnavailable, match="closed"):
        journal.append(submit(2))


class TestKeys:
    """Which job a client's key stands for."""

    async def test_a_key_is_remembered_beyond_its_durability(
        self, journal: GroupJournal, store: StoreWithDoor, clock: ManualClock
    ) -> None:
        assert journal.key_in_flight("a") is None
        store.open_door.clear()
        seq = journal.append(submit(1, key="a"))
        assert journal.key_in_flight("a") == "j1"
        store.open_door.set()
        await journal.durable(seq)
        assert journal.key_in_flight("a") == "j1"
        clock.time_us += 3_600 * SECOND_US
        await journal.durable(journal.append(submit(2)))
        assert journal.key_in_flight("a") is None
        assert store.find_key("a") == "j1"

    async def test_a_key_that_was_lost_can_be_used_again(self, journal: GroupJournal, store: StoreWithDoor) -> None:
        store.broken = StorageUnavailable("the disk is full")
        assert await outcome(journal, journal.append(submit(1, key="a"))) != "durable"
        await journal.restored()
        assert journal.key_in_flight("a") is None
        store.broken = None
        await journal.durable(journal.append(submit(1, key="a")))
        assert journal.key_in_flight("a") == "j1"

    async def test_a_key_in_flight_can_not_be_used_again(self, journal: GroupJournal) -> None:
        seq = journal.append(submit(1, key="a"))
        with pytest.raises(InvariantViolated, match="key 'a' was used twice"):
            journal.append(submit(2, key="a"))
        with pytest.raises(InvariantViolated, match="key 'b' was used twice"):
            journal.append([*submit(2, key="b"), *submit(3, key="b")])
        assert journal.cluster.seq == seq
        assert journal.key_in_flight("b") is None
        await journal.durable(journal.append(submit(2, key="b")))

    async def test_the_store_may_know_only_keys_that_were_used(self, store: StoreWithDoor, clock: ManualClock) -> None:
        journal = GroupJournal(store=store, clock=clock)
        keys = [f"key-{n}" for n in range(500)]
        assert not any(journal.may_know(key) for key in keys)
        await journal.durable(journal.append([f for n, key in enumerate(keys, 1) for f in submit(n, key=key)]))
        assert all(journal.may_know(key) for key in keys)
        await journal.close()
        again = GroupJournal(store=store, clock=clock)
        assert all(again.may_know(key) for key in keys)
        assert sum(again.may_know(f"other-{n}") for n in range(500)) < 5
        await again.close()


class TestInline:
    """The journal of simulations: the same answers, with neither thread nor wait."""

    async def test_an_append_is_durable_when_it_returns(self, store: StoreWithDoor, clock: ManualClock) -> None:
        journal = InlineJournal(store=store, clock=clock)
        told = asyncio.ensure_future(journal.changed(0))
        seq = journal.append([*a_house(), *submit(1, key="a")])
        await journal.durable(seq)
        await told
        assert store.groups == [[1, 2, 3, 4]]
        assert store.threads == {threading.current_thread().name}
        assert journal.recent(0) == list(store.all_events())
        assert state_of(journal.cluster) == state_of(store.load())
        assert journal.key_in_flight("a") == "j1"
        assert journal.may_know("a")
        await journal.close()

    async def test_a_later_fact_can_not_follow(self, store: StoreWithDoor, clock: ManualClock) -> None:
        journal = InlineJournal(store=store, clock=clock)
        journal.append(submit(1))
        with pytest.raises(InvariantViolated):
            journal.append([*submit(2), JobCancelled(job_id=JobId("j9"), by="ada")])
        assert list(journal.cluster.jobs) == ["j1"]
        assert journal.append(submit(2)) == 2

    async def test_a_store_that_fails_and_comes_back(self, store: StoreWithDoor, clock: ManualClock) -> None:
        journal = InlineJournal(store=store, clock=clock)
        journal.append(submit(1))
        store.broken = store.unreadable = StorageUnavailable("the disk is full")
        with pytest.raises(StorageUnavailable):
            journal.append(submit(2))
        with pytest.raises(StorageUnavailable):
            await journal.durable(2)
        store.broken = store.unreadable = None
        assert journal.append(submit(2)) == 2
        await journal.durable(2)

    async def test_the_same_facts_give_the_same_journal(self) -> None:
        stores = [MemoryStore(), MemoryStore()]
        for store in stores:
            journal = InlineJournal(store=store, clock=ManualClock())
            for group in (a_house(), submit(1), a_run(a_job(1), an_attempt(a_job(1)))[1:]):
                journal.append(group)
        assert list(stores[0].all_events()) == list(stores[1].all_events())
