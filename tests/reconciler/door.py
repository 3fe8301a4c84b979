"""A store in memory whose writes can be held up and made to fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.errors import StorageUnavailable
from tauon.model.event import Event, Fact, JobSubmitted
from tauon.reconciler.journal import GroupJournal
from tauon.reconciler.memory_store import MemoryStore
from tests.builders import a_job


class StoreWithDoor(MemoryStore):
    """Keeps every group waiting while its door is shut, and fails as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[list[int]] = []
        self.open_door = threading.Event()
        self.open_door.set()
        self.arrived = threading.Semaphore(0)
        self.broken: Exception | None = None
        self.fails_after_writing = False
        self.unreadable: Exception | None = None
        self.threads: set[str] = set()

    def write(self, events: Sequence[Event], changes: Changes) -> None:
        self.threads.add(threading.current_thread().name)
        self.arrived.release()
        assert self.open_door.wait(30)
        if self.broken and not self.fails_after_writing:
            raise self.broken
        super().write(events, changes)
        self.groups.append([e.seq for e in events])
        if self.broken:
            raise self.broken

    def load(self) -> Cluster:
        if self.unreadable:
            raise self.unreadable
        return super().load()

    async def one_arrived(self) -> None:
        await asyncio.to_thread(self.arrived.acquire)


def replayed(store: MemoryStore) -> Cluster:
    cluster = Cluster()
    for event in store.all_events():
        cluster.apply(event)
    return cluster


def submit(number: int, *, key: str = "") -> list[Fact]:
    return [JobSubmitted(job=a_job(number, key=key))]


async def outcome(journal: GroupJournal, seq: int) -> str:
    try:
        await journal.durable(seq)
    except StorageUnavailable as error:
        return str(error)
    return "durable"
