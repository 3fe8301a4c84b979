"""The journal: facts are folded at once, and written to the store in groups, one group at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tauon.model.cluster import Cluster
from tauon.model.errors import StorageUnavailable, TauonError
from tauon.model.event import Event, Fact
from tauon.model.ids import JobId
from tauon.ports.clock import Clock
from tauon.ports.store import Store
from tauon.reconciler.ledger import Ledger, Reading
from tauon.reconciler.waiters import Waiters

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0

logger = logging.getLogger(__name__)


class _OnLedger:
    """What both journals tell from memory."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._ledger = Ledger(store, clock)
        self._news = Waiters()

    @property
    def cluster(self) -> Cluster:
        return self._ledger.cluster

    def key_in_flight(self, key: str) -> JobId | None:
        return self._ledger.keys.get(key)

    def may_know(self, key: str) -> bool:
        return self._ledger.keys.may_know(key)

    def recent(self, after: int) -> Sequence[Event] | None:
        return self._ledger.recent(after)

    async def changed(self, after: int) -> None:
        if self._ledger.durable <= after:
            await self._news.wait(after + 1)


class InlineJournal(_OnLedger):
    """Writes each append where it stands, with no thread and no wait: for a store in memory, as in a simulation."""

    def append(self, facts: Sequence[Fact]) -> int:
        ledger = self._ledger
        if not ledger.sound:
            ledger.restore(ledger.read_anew())
        seq = ledger.fold(facts)
        group = ledger.take()
        try:
            self._store.write(group.events, group.changes)
        except StorageUnavailable:
            ledger.sound = False
            with suppress(StorageUnavailable):
                ledger.restore(ledger.read_anew())
            raise
        ledger.confirm()
        self._news.reach(ledger.durable)
        return seq

    async def durable(self, seq: int) -> None:
        if seq > self._ledger.durable:
            raise StorageUnavailable(f"event {seq} was not written")

    async def close(self) -> None:
        """Nothing is left to be written."""


class GroupJournal(_OnLedger):
    """Writes in a thread of its own: while one group is on its way, the next one gathers.

    When a group can't be written, nothing is appended until memory has been read anew from the store; that is tried
    until it works. `append` is called from the loop that the journal was made for, and `durable` in the same step.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        super().__init__(store=store, clock=clock)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._acknowledgements = Waiters()
        self._scheduled = False
        self._busy = False
        self._down: Exception | None = None
        self._up = asyncio.Event()
        self._up.set()
        self._closed = False
        self._retry: asyncio.TimerHandle | None = None
        self._retry_s = FIRST_RETRY_S

    def append(self, facts: Sequence[Fact]) -> int:
        if self._down is not None:
            raise StorageUnavailable(str(self._down))
        try:
            seq = self._ledger.fold(facts)
        finally:
            if not self._ledger.sound:
                self._go_down(StorageUnavailable("memory has to be read anew from the store, and it can't be read now"))
        if not (self._scheduled or self._busy):
            # Whatever else is appended in this turn of the loop goes with it.
            self._scheduled = True
            self._loop.call_soon(self._write_group)
        return seq

    async def durable(self, seq: int) -> None:
        if seq <= self._ledger.durable:
            return
        if self._down is not None:
            raise StorageUnavailable(str(self._down))
        if seq > self._ledger.cluster.seq:
            raise StorageUnavailable(f"event {seq} was lost when the journal could not be written")
        await self._acknowledgements.wait(seq)

    async def restored(self) -> None:
        """Return when facts can be appended (again)."""
        await self._up.wait()

    async def close(self) -> None:
        """Write what is pending, then take no more."""
        with suppress(StorageUnavailable):
            await self.durable(self._ledger.cluster.seq)
        self._closed = True
        self._down = StorageUnavailable("the journal has been closed")
        if self._retry is not None:
            self._retry.cancel()
        await asyncio.to_thread(self._thread.shutdown)

    def _write_group(self) -> None:
        self._scheduled = False
        if self._busy or self._down is not None or not self._ledger.has_pending:
            return
        group = self._ledger.take()
        self._busy = True
        written = self._loop.run_in_executor(self._thread, self._store.write, group.events, group.changes)
        written.add_done_callback(self._group_written)

    def _group_written(self, written: asyncio.Future[None]) -> None:
        self._busy = False
        error = written.exception()
        if error is None and self._down is None:
            self._ledger.confirm()
            self._acknowledgements.reach(self._ledger.durable)
            self._news.reach(self._ledger.durable)
            self._write_group()
            return
        self._go_down(self._down or _told(error))

    def _go_down(self, error: Exception) -> None:
        """Take nothing more until memory is what the disk has; whoever waits hears it when that is known."""
        self._down = error
        self._up.clear()
        if not self._busy:
            self._read_anew()

    def _read_anew(self) -> None:
        self._busy = True
        self._retry = None
        read = self._loop.run_in_executor(self._thread, self._ledger.read_anew)
        read.add_done_callback(self._restore)

    def _restore(self, read: asyncio.Future[Reading]) -> None:
        self._busy = False
        assert self._down is not None
        if read.exception() is None:
            self._acknowledgements.reach(self._ledger.restore(read.result()))
        self._acknowledgements.fail(str(self._down))
        if self._closed:
            return
        if read.exception() is None:
            self._down, self._retry_s = None, FIRST_RETRY_S
            self._up.set()
            self._news.reach(self._ledger.durable)
            return
        self._down = _told(read.exception())
        self._retry = self._loop.call_later(self._retry_s, self._read_anew)
        self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)


def _told(error: BaseException | None) -> Exception:
    """What the store raised, as a sentence; a bug is logged with its trace."""
    if isinstance(error, TauonError):
        logger.warning("The journal can't be written: %s", error)
        return error
    logger.error("The journal can't be written because of a bug", exc_info=error)
    return StorageUnavailable(f"the journal can't be written because of a bug: {error!r}")
