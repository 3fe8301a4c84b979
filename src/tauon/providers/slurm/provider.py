"""The provider as the control plane sees it: the ports, answered from what the watching thread has seen last."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TypeVar

from tauon.model.errors import ConfigError, NotFound, NotReady, Rejected
from tauon.model.ids import AttemptId
from tauon.model.node import Node
from tauon.model.pool import Capabilities
from tauon.ports.providers import (
    AcceleratorUse,
    AttemptsObserved,
    LogChunk,
    NodesObserved,
    Phase,
    ProcessUse,
    Provider,
    ProviderContext,
    Refusal,
    StartOrder,
    StopOrder,
)
from tauon.providers.slurm.book import Book
from tauon.providers.slurm.census import Census
from tauon.providers.slurm.commands import RETRY_S, Commands
from tauon.providers.slurm.listing import SINFO, node_rows
from tauon.providers.slurm.nodes import nodes_of
from tauon.providers.slurm.options import read_options
from tauon.providers.slurm.orders import Scribe
from tauon.providers.slurm.others import Strangers
from tauon.providers.slurm.program import install
from tauon.providers.slurm.runner import Jobs, Listing, Runner
from tauon.providers.slurm.submitters import Submitters
from tauon.providers.slurm.watch import Turn, Watch
from tauon.supervision import retention
from tauon.supervision.logs import has_log, read_log
from tauon.supervision.node.folders import Folders
from tauon.supervision.tracking import Attempts

_PRUNE_EVERY_S = 600.0
_FIRST_LOOK_S = 60.0
_START_S = 0.2  # how long a cycle of the loop waits for what becomes of its orders
_THREADS = 8
T = TypeVar("T")


class SlurmProvider(Provider):
    """A Slurm cluster, or a partition of it, as a pool. Its jobs outlive it; another one on the same folder goes on."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context
        self._options = options = read_options(context.pool)
        root = Path(options.folder) / f"{context.instance}-{context.pool.name}" if options.folder else context.folder
        self._folders = Folders(root)
        try:
            self._folders.create()
            self._folders.news.mkdir(mode=0o700, exist_ok=True)
            program = install(Path(options.folder) if options.folder else root)
        except OSError as error:
            raise ConfigError(f"pool {context.pool.name}: {root} can't be used: {error}") from None
        self._commands = Commands(options)
        self._attempts = Attempts()
        self._nodes: tuple[Node, ...] = ()
        self._strangers = Strangers()
        book = Book()
        scribe = Scribe(context, options, self._folders, program)
        self._submitters = Submitters(self._commands, options.command_timeout_s)
        self._runner = Runner(context, self._folders, self._attempts, book, scribe, self._submitters)
        self._census = Census(self._commands, options, self._folders, self._attempts, book, self._runner)
        turns = [Turn(self._look_at_nodes, options.nodes_poll_s), Turn(self._census.look, options.poll_s)]
        self._watch = Watch(self._runner.read_news, turns, lambda: bool(self._attempts.unfinished()))
        self._census.changed = self._watch.changed = context.wake
        self._pruned_at_s = 0.0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tauon-slurm")
        self._submitting = ThreadPoolExecutor(options.parallel, thread_name_prefix="tauon-slurm-submit")
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="tauon-slurm-sweeper")  # nobody waits for it
        self._sweeper.submit(self._runner.sweep)
        self._watch.start()

    # Nodes

    async def observe_nodes(self) -> NodesObserved:
        await self._looked()
        return NodesObserved(nodes=self._nodes)

    def sample(self) -> Sequence[AcceleratorUse]:
        """Nothing: Slurm does not measure accelerators."""
        return ()

    # Attempts

    def capabilities(self) -> Capabilities:
        return Capabilities(places_by_node=True, gives_notice=True)

    async def observe(self, cursor: str) -> AttemptsObserved:
        await self._looked()
        return self._attempts.since(cursor)

    async def start(self, orders: Sequence[StartOrder]) -> Sequence[Refusal]:
        """Submitting many takes long, so what is not done soon goes on meanwhile: a look tells what came of it."""
        listing = _Once(self._runner.full_listing)
        refusals = []
        begun: list[Future[Refusal | None]] = []
        for order in orders:
            try:
                if self._runner.accept(order):
                    begun.append(self._submitting.submit(self._runner.submit, order, listing.get))
            except Rejected as error:
                refusals.append(Refusal(attempt=order.attempt.id, error=error))
        if begun:
            done, late = await self._in_thread(partial(wait, begun, timeout=_START_S))
            refusals += [refusal for future in done if (refusal := future.result()) is not None]
            for future in late:
                future.add_done_callback(self._came_late)
            self._watch.nudge()
        return refusals

    def _came_late(self, future: Future[Refusal | None]) -> None:
        if not future.cancelled() and (refusal := future.result()) is not None:
            self._runner.refuse(refusal)

    async def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        return await self._in_thread(partial(self._runner.stop, orders)) if orders else ()

    async def forget(self, attempt: AttemptId) -> None:
        await self._in_thread(partial(self._runner.forget, attempt))
        self._sweeper.submit(self._sweep, attempt)

    def usage(self) -> Sequence[ProcessUse]:
        """Nothing: the processes are on other machines."""
        return ()

    def logs(self, attempt: AttemptId, *, rank: int, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
        """Output files are there from before the first command until retention takes them away."""
        is_growing = (lambda: self._is_live(attempt)) if follow else None
        return self._logs(attempt, rank, offset, is_growing)

    async def close(self) -> None:
        self._submitting.shutdown(wait=False, cancel_futures=True)
        await self._in_thread(self._watch.close)
        await self._in_thread(self._submitters.close)
        self._threads.shutdown(wait=False)
        self._sweeper.shutdown(wait=False, cancel_futures=True)

    async def _logs(
        self, attempt: AttemptId, rank: int, offset: int, is_growing: Callable[[], bool] | None
    ) -> AsyncIterator[LogChunk]:
        status = self._attempts.status(attempt)
        is_to_come = self._is_live(attempt) and (status is None or 0 <= rank < len(status["exits"]))
        if not is_to_come and not has_log(self._folders, attempt, rank):
            raise NotFound(f"there is no output of worker {rank} of attempt {attempt}")
        async for chunk in read_log(self._folders, attempt, rank, offset, is_growing=is_growing):
            yield chunk

    def _is_live(self, attempt: AttemptId) -> bool:
        return self._attempts.phase(attempt) not in (None, Phase.ENDED)

    async def _looked(self) -> None:
        """Return when what is told is what Slurm told at the last look. Raises NotReady."""
        if not self._watch.has_looked.is_set():
            await self._in_thread(partial(self._watch.has_looked.wait, _FIRST_LOOK_S))
        if self._watch.fault is not None:
            raise self._watch.fault
        if not self._watch.has_looked.is_set():
            raise NotReady("Slurm has not answered yet", retry_after_s=RETRY_S)

    # In threads

    def _look_at_nodes(self) -> None:
        which = ["-p", self._options.partition] if self._options.partition else ["-a"]
        rows = list(node_rows(self._commands.run("sinfo", "-h", "-N", "-O", SINFO, *which)))
        self._strangers.look(rows, (row for jobs in self._runner.listing().values() for row in jobs))
        nodes = nodes_of(self._context.pool, rows, self._options.accelerators, self._strangers.held)
        if nodes != self._nodes:
            self._nodes = nodes
            self._context.wake()

    def _sweep(self, attempt: AttemptId) -> None:
        self._runner.sweep()
        retention.touch_checkpoint(self._folders, attempt.rpartition("-")[0])
        now_s = time.time()
        if now_s >= self._pruned_at_s + _PRUNE_EVERY_S:
            self._pruned_at_s = now_s
            retention.prune(self._folders, self._options, now_s)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _Once:
    """A listing that is asked for at most once, however many threads need it."""

    def __init__(self, ask: Listing) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answer: Jobs | None = None

    def get(self) -> Jobs:
        with self._lock:
            if self._answer is None:
                self._answer = self._ask()
            return self._answer
