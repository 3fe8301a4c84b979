"""The provider as the control plane sees it: the ports, answered at once from memory or by a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from tauon.model.errors import ConfigError, NotFound
from tauon.model.ids import AttemptId
from tauon.model.job import Job
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
from tauon.providers.local.instructions import Instructor
from tauon.providers.local.limits import find_limits
from tauon.providers.local.machine import measure
from tauon.providers.local.mounts import find_cgroups
from tauon.providers.local.nodes import amounts_of, pretend_nodes, real_nodes
from tauon.providers.local.nvml import Nvml
from tauon.providers.local.options import read_options
from tauon.providers.local.runner import Runner
from tauon.providers.local.sampling import GpuSampler, ProcessSampler
from tauon.providers.local.watch import Watch
from tauon.supervision import retention
from tauon.supervision.instructions import checkpoint_folder
from tauon.supervision.logs import has_log, read_log
from tauon.supervision.node.folders import Folders
from tauon.supervision.tracking import Attempts

_BUSY_LOOK_S = 5.0
_IDLE_LOOK_S = 10.0  # only where there are GPUs to sample
_PRUNE_EVERY_S = 600.0
_THREADS = 8
T = TypeVar("T")
Order = TypeVar("Order")


class LocalProvider(Provider):
    """This machine as a pool. Attempts outlive it; another one on the same folder goes on with them."""

    def __init__(self, context: ProviderContext, nvml: Nvml | None = None) -> None:
        self._context = context
        self._options = read_options(context.pool)
        self._folders = Folders(context.folder)
        paths = find_cgroups()
        try:
            self._folders.create()
            self._machine = amounts_of(self._options, measure(context.folder, paths))
            self._limits = find_limits(paths, cpu=self._options.limit_cpu, memory=self._options.limit_memory)
            instructor = Instructor(context, self._options, self._folders, self._limits)
            self._attempts = Attempts()
            self._runner = Runner(
                self._folders, self._attempts, instructor, instance=context.instance, wake=context.wake
            )
            self._watch = Watch(self._folders, rang=self._runner.look, gone=self._runner.gone, look=self._look_around)
            self._runner.open(self._watch.follow)
        except OSError as error:
            raise ConfigError(f"pool {context.pool.name}: {context.folder} can't be used: {error}") from None
        self._nvml = nvml or Nvml()
        self._nodes: tuple[Node, ...] | None = None
        self._processes = ProcessSampler()
        self._gpus = GpuSampler(self._nvml)
        self._pruned_at_s = 0.0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tauon-local")
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="tauon-sweeper")  # nobody waits for it
        self._sweeper.submit(self._runner.sweep)
        self._watch.start()

    # Nodes

    async def observe_nodes(self) -> NodesObserved:
        """The same nodes for as long as the provider lives: what they hold is counted elsewhere, by their indices."""
        if self._nodes is None:
            self._nodes = await self._in_thread(self._find_nodes)
            self._watch.nudge()
        return NodesObserved(nodes=self._nodes)

    def sample(self) -> Sequence[AcceleratorUse]:
        return self._gpus.newest

    # Attempts

    def capabilities(self) -> Capabilities:
        return Capabilities(
            places_by_node=True,
            shares_accelerators=True,  # by counting: workers on one GPU see all of it
            gives_notice=True,
            limits_cpu=self._limits.cpu,
            limits_memory=self._limits.memory,
        )

    async def observe(self, cursor: str) -> AttemptsObserved:
        return self._attempts.since(cursor)

    async def start(self, orders: Sequence[StartOrder]) -> Sequence[Refusal]:
        return await self._for_each(self._start, orders)

    async def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        return await self._for_each(self._runner.stop, orders)

    async def forget(self, attempt: AttemptId) -> None:
        await self._in_thread(partial(self._runner.forget, attempt))
        self._sweeper.submit(self._sweep, attempt)

    def checkpoint_folder(self, job: Job) -> Path:
        return checkpoint_folder(job, self._folders)

    def usage(self) -> Sequence[ProcessUse]:
        return self._processes.newest

    def logs(self, attempt: AttemptId, *, rank: int, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
        """Output files are there from before the first command until retention takes them away."""
        is_growing = (lambda: self._is_live(attempt)) if follow else None
        return self._logs(attempt, rank, offset, is_growing)

    async def close(self) -> None:
        await self._in_thread(self._close)
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

    # In threads

    def _find_nodes(self) -> tuple[Node, ...]:
        pool, pretended = self._context.pool, self._options.pretended
        if pretended:
            return pretend_nodes(pool, self._machine, pretended)
        return real_nodes(pool, self._machine, self._nvml.gpus())

    def _start(self, order: StartOrder) -> Refusal | None:
        needs_gpus = any(not node.virtual and node.accelerator_ids for node in order.nodes.values())
        indices = {gpu.uuid: gpu.place for gpu in self._nvml.gpus()} if needs_gpus else {}
        return self._runner.start(order, indices)

    def _sweep(self, attempt: AttemptId) -> None:
        self._runner.sweep()
        retention.touch_checkpoint(self._folders, attempt.rpartition("-")[0])
        now_s = time.time()
        if now_s >= self._pruned_at_s + _PRUNE_EVERY_S:
            self._pruned_at_s = now_s
            retention.prune(self._folders, self._options, now_s)

    def _look_around(self) -> float | None:
        """What the watching thread does now and then; says when to do it again."""
        self._runner.look_around()
        live = self._attempts.live()
        self._processes.sample(live)
        real = [node for node in self._nodes or () if node.accelerator_ids and not node.virtual]
        self._gpus.sample(real)
        if live:
            return _BUSY_LOOK_S
        return _IDLE_LOOK_S if real else None

    def _close(self) -> None:
        self._watch.close()
        self._runner.close()
        self._nvml.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _for_each(self, take: Callable[[Order], Refusal | None], orders: Sequence[Order]) -> Sequence[Refusal]:
        answers = await asyncio.gather(*(self._in_thread(partial(take, order)) for order in orders))
        return [refusal for refusal in answers if refusal is not None]
