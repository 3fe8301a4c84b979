"""A journal on a store whose writes can be held up and made to fail."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tauon.reconciler import journal as journal_room
from tauon.reconciler.journal import GroupJournal
from tests.clocks import ManualClock
from tests.reconciler.door import StoreWithDoor, replayed
from tests.states import state_of


@pytest.fixture
def store() -> StoreWithDoor:
    return StoreWithDoor()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def journal(
    store: StoreWithDoor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[GroupJournal]:
    monkeypatch.setattr(journal_room, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(journal_room, "LAST_RETRY_S", 0.002)
    journal = GroupJournal(store=store, clock=clock)
    yield journal
    store.open_door.set()
    await journal.close()
    assert state_of(store.load()) == state_of(replayed(store))
