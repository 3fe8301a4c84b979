"""A provider whose jobs' checkpoints travel: restored before an attempt starts, sent as it saves, and once more at its end.

It wraps any provider that says where checkpoints lie. What it does takes time and is done beside: an attempt that waits
for its checkpoint is seen as starting, and one whose last checkpoint is on its way as running.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from tauon.checkpoints.carried import Carried
from tauon.model.errors import ProviderError, Unavailable
from tauon.model.ids import AttemptId, JobId
from tauon.model.job import Job
from tauon.model.pool import Capabilities
from tauon.ports.checkpoints import CheckpointStore
from tauon.ports.providers import (
    AcceleratorUse,
    AttemptObserved,
    AttemptsObserved,
    Ending,
    LaunchOrder,
    LogChunk,
    NodeRefusal,
    NodesObserved,
    OffersObserved,
    Phase,
    ProcessUse,
    Provider,
    Refusal,
    StartOrder,
    StopOrder,
)

LEAST_INTERVAL_S = 10.0
TRIES = 4
FIRST_WAIT_S = 1.0

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Carrier(Provider):
    """Implements `ports.providers.Provider` around another one. `is_allowed` says whose checkpoints may be kept there;
    `memory` is a folder of its own, for what must be known after a restart."""

    def __init__(
        self,
        inner: Provider,
        store: CheckpointStore,
        *,
        memory: Path,
        wake: Callable[[], None],
        is_allowed: Callable[[Job], bool] = lambda _: True,
    ) -> None:
        self._inner = inner
        self._store = store
        self._wake = wake
        self._is_allowed = is_allowed
        self._carried = Carried(memory)
        self._coming: dict[AttemptId, StartOrder] = {}  # their checkpoint is being restored
        self._leaving: dict[AttemptId, AttemptObserved] = {}  # ended, with the last checkpoint still to be sent
        self._news: list[AttemptObserved] = []
        self._over: dict[AttemptId, AttemptObserved] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._senders: dict[AttemptId, asyncio.Task[None]] = {}
        self._locks: dict[JobId, asyncio.Lock] = {}

    # ------------------------------------------------------------- attempts

    async def start(self, orders: Sequence[StartOrder]) -> Sequence[Refusal]:
        at_once = []
        for order in orders:
            attempt = order.attempt.id
            if self._folder(order.job) is None or self._carried.is_brought(attempt):
                at_once.append(order)
            elif attempt not in self._coming and attempt not in self._over:
                self._carried.add(attempt, order.job)
                self._coming[attempt] = order
                self._do(self._restore_and_start(order))
        return await self._inner.start(at_once) if at_once else ()

    async def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        for order in orders:
            self._carried.stop(order.attempt)
        there = [order for order in orders if order.attempt not in self._coming]
        return await self._inner.stop(there) if there else ()

    async def observe(self, cursor: str) -> AttemptsObserved:
        seen = await self._inner.observe(cursor)
        told: dict[AttemptId, AttemptObserved] = {}
        for one in seen.attempts:
            told[one.id] = self._as_told(one)
        if seen.is_full:
            told.update({a: AttemptObserved(id=a, phase=Phase.STARTING) for a in self._coming})
            told.update(self._over)
        news, self._news = self._news, []
        told.update({one.id: one for one in news})
        return replace(seen, attempts=tuple(told.values()))

    def _as_told(self, one: AttemptObserved) -> AttemptObserved:
        """What the loop hears of an attempt: not its end, while its last checkpoint is on its way."""
        if one.phase is not Phase.ENDED or one.id not in self._carried or one.id in self._over:
            if one.phase is Phase.RUNNING and one.id in self._carried and one.id not in self._senders:
                self._senders[one.id] = self._do(self._send_now_and_then(one.id))
            return self._over.get(one.id, one)
        if one.id not in self._leaving:
            self._leaving[one.id] = one
            self._do(self._send_the_last(one))
        return AttemptObserved(id=one.id, phase=Phase.RUNNING)

    async def forget(self, attempt: AttemptId) -> None:
        sender = self._senders.pop(attempt, None)
        if sender is not None:
            sender.cancel()
        ended = self._over.pop(attempt, None)
        self._leaving.pop(attempt, None)
        done = ended is not None and attempt in self._carried and self._succeeded(ended)
        job = self._carried.drop(attempt)
        await self._inner.forget(attempt)
        if job is not None and done:
            self._do(self._let_go(job.id))

    # ------------------------------------------------------------- carrying

    async def _restore_and_start(self, order: StartOrder) -> None:
        attempt = order.attempt.id
        try:
            await self._restore(order.job)
            if self._carried.is_stopped(attempt):
                self._not_started(attempt, "it was stopped before it began")
                return
            self._carried.brought(attempt)
            refused = await self._inner.start([order])
            if refused:
                self._not_started(attempt, str(refused[0].error))
        except (Unavailable, ProviderError) as error:
            self._not_started(attempt, f"its checkpoint could not be brought: {error}")
        finally:
            self._coming.pop(attempt, None)
            self._wake()

    def _not_started(self, attempt: AttemptId, message: str) -> None:
        self._ends(AttemptObserved(id=attempt, phase=Phase.ENDED, ending=Ending.NOT_STARTED, message=message))

    async def _restore(self, job: Job) -> None:
        """Bring the newest checkpoint, unless what lies here is that one or comes after it. Raises Unavailable."""
        folder = self._folder(job)
        assert folder is not None
        async with self._lock(job.id):
            number = await self._patiently(lambda: asyncio.to_thread(self._store.newest, job.id))
            if number <= _number_here(folder):
                return
            kept = await self._patiently(lambda: asyncio.to_thread(self._store.restore, job.id, folder))
            if kept is not None:
                _note_number(folder, number)  # broken newer ones are accounted for: what comes now is newer still
                logger.info("checkpoint %d of %s restored: %d bytes", kept.number, job.id, kept.bytes_all)

    async def _send_now_and_then(self, attempt: AttemptId) -> None:
        job = self._carried.job(attempt)
        interval_s = max(LEAST_INTERVAL_S, job.checkpoint.interval_s if job.checkpoint else 0.0)
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self._send(job)
            except Unavailable as error:
                logger.warning("the checkpoint of %s is not sent yet: %s", job.id, error)

    async def _send_the_last(self, ended: AttemptObserved) -> None:
        """Send what is left, then let the end be known, whatever becomes of that."""
        sender = self._senders.pop(ended.id, None)
        if sender is not None:
            sender.cancel()
        try:
            if not self._succeeded(ended):
                await self._patiently(lambda: self._send(self._carried.job(ended.id)))
        except Unavailable as error:
            text = f"its last checkpoint was not kept: {error}"
            logger.warning("%s: %s", ended.id, text)
            ended = replace(ended, message=f"{ended.message}; {text}" if ended.message else text)
        finally:
            self._ends(ended)

    async def _send(self, job: Job) -> None:
        folder = self._folder(job)
        assert folder is not None
        async with self._lock(job.id):
            kept = await asyncio.to_thread(self._store.save, job.id, folder)
            if kept is not None:
                _note_number(folder, kept.number)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Try a few times, each after a longer wait. Raises Unavailable."""
        wait_s = FIRST_WAIT_S
        for _ in range(TRIES - 1):
            try:
                return await ask()
            except Unavailable:
                await asyncio.sleep(wait_s)
                wait_s *= 2
        return await ask()

    async def _let_go(self, job: JobId) -> None:
        self._locks.pop(job, None)
        try:
            await asyncio.to_thread(self._store.forget, job)
        except Unavailable as error:
            logger.warning("the checkpoints of %s, which succeeded, are still kept: %s", job, error)

    def _succeeded(self, ended: AttemptObserved) -> bool:
        """Whether there is nothing left to go on from: what was told to stop may exit with 0 once it has saved."""
        is_clean = ended.ending is Ending.EXITED and bool(ended.exit_codes) and not any(ended.exit_codes)
        return is_clean and not self._carried.is_stopped(ended.id)

    def _ends(self, ended: AttemptObserved) -> None:
        self._leaving.pop(ended.id, None)
        self._over[ended.id] = ended
        self._news.append(ended)
        self._wake()

    def _folder(self, job: Job) -> Path | None:
        """Where a job's checkpoint lies, if it is one that travels."""
        return self._inner.checkpoint_folder(job) if job.checkpoint is not None and self._is_allowed(job) else None

    def _lock(self, job: JobId) -> asyncio.Lock:
        return self._locks.setdefault(job, asyncio.Lock())

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ------------------------------------------------------------- as it is

    def capabilities(self) -> Capabilities:
        return self._inner.capabilities()

    async def observe_nodes(self) -> NodesObserved:
        return await self._inner.observe_nodes()

    async def offers(self) -> OffersObserved:
        return await self._inner.offers()

    async def launch(self, orders: Sequence[LaunchOrder]) -> Sequence[NodeRefusal]:
        return await self._inner.launch(orders)

    async def terminate(self, nodes: Sequence[Any]) -> Sequence[NodeRefusal]:
        return await self._inner.terminate(nodes)

    def sample(self) -> Sequence[AcceleratorUse]:
        return self._inner.sample()

    def usage(self) -> Sequence[ProcessUse]:
        return self._inner.usage()

    def logs(self, attempt: AttemptId, *, rank: int, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
        return self._inner.logs(attempt, rank=rank, offset=offset, follow=follow)

    def checkpoint_folder(self, job: Job) -> Path | None:
        return self._inner.checkpoint_folder(job)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._inner.close()


def _note(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.kept")


def _number_here(folder: Path) -> int:
    """The number of the checkpoint that was last sent from here or restored here; 0 when none was."""
    try:
        return int(_note(folder).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _note_number(folder: Path, number: int) -> None:
    try:
        _note(folder).write_text(str(number), encoding="ascii")
    except OSError as error:
        raise Unavailable(f"{_note(folder)} can't be written: {error.strerror or error}") from error
