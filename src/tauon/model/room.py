"""What is free on one node, and what nodes have in common that have as much free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tauon.model.attempt import Attempt, WorkerPlacement
from tauon.model.ids import NodeId
from tauon.model.node import NodeShape
from tauon.model.resources import MILLI, Resources


class Level(NamedTuple):
    """What a node has free, whichever node it is: accelerators that are wholly free, cores in thousandths, memory and
    disk in MiB, and in ascending order the thousandths free of each accelerator that is given in part.

    Nodes of one shape at one level are equally good for whatever is asked for: they share one answer.
    """

    whole: int
    cpu_milli: int
    memory_mib: int
    disk_mib: int
    shares: tuple[int, ...] = ()

    @property
    def accelerator_milli(self) -> int:
        """Thousandths of accelerators that are free in all."""
        return self.whole * MILLI + sum(self.shares)


class Room:
    """What is free on one node: thousandths of each accelerator, cores in thousandths, memory and disk in MiB."""

    __slots__ = ("_level", "cpu_milli", "disk_mib", "memory_mib", "milli", "node", "shape", "whole")

    def __init__(self, node: NodeId, shape: NodeShape) -> None:
        self.node = node
        self.shape = shape
        self.milli = [MILLI] * shape.accelerator_count
        self.whole = shape.accelerator_count
        self.cpu_milli = shape.cpu_milli
        self.memory_mib = shape.memory_mib
        self.disk_mib = shape.disk_mib
        self._level: Level | None = None  # as long as nothing has changed

    def copy(self) -> Room:
        twin = Room.__new__(Room)
        twin.node, twin.shape, twin.whole = self.node, self.shape, self.whole
        twin.milli = self.milli.copy()
        twin.cpu_milli, twin.memory_mib, twin.disk_mib = self.cpu_milli, self.memory_mib, self.disk_mib
        twin._level = self._level  # noqa: SLF001 - its own kind
        return twin

    def level(self) -> Level:
        """What is free, whichever node it is."""
        level = self._level
        if level is None:
            shares: tuple[int, ...] = ()
            if self.whole + self.milli.count(0) < len(self.milli):
                shares = tuple(sorted(free for free in self.milli if free and free != MILLI))
            level = self._level = Level(self.whole, self.cpu_milli, self.memory_mib, self.disk_mib, shares)
        return level

    def change(self, worker: WorkerPlacement, amounts: Resources, sign: int) -> None:
        """Take (`sign` -1) or give back (+1) what a worker holds."""
        for index in worker.accelerators:
            before = self.milli[index]
            after = before + sign * worker.share_milli
            self.milli[index] = after
            self.whole += (after == MILLI) - (before == MILLI)
        self.cpu_milli += sign * amounts.cpu_milli
        self.memory_mib += sign * amounts.memory_mib
        self.disk_mib += sign * amounts.disk_mib
        self._level = None

    def hold(self, worker: WorkerPlacement, amounts: Resources) -> None:
        """Take as much as is free of what a worker will hold."""
        for index in worker.accelerators:
            self.whole -= self.milli[index] == MILLI
            self.milli[index] = max(0, self.milli[index] - worker.share_milli)
        self.cpu_milli = max(0, self.cpu_milli - amounts.cpu_milli)
        self.memory_mib = max(0, self.memory_mib - amounts.memory_mib)
        self.disk_mib = max(0, self.disk_mib - amounts.disk_mib)
        self._level = None

    def fault(self) -> str:
        """What contradicts itself here, or an empty string."""
        if self.milli and (min(self.milli) < 0 or max(self.milli) > MILLI):
            return f"{self.node}: an accelerator is given twice or freed twice ({self.milli})"
        if self.cpu_milli < 0 or self.memory_mib < 0 or self.disk_mib < 0:
            return f"{self.node}: more cores, memory or disk given than there is"
        return ""

    def unfit_for(self, attempts: Iterable[Attempt]) -> str:
        """What these hold on this node beyond what is free, or an empty string; takes it."""
        for attempt in attempts:
            for worker in attempt.placement:
                if worker.node == self.node:
                    if max(worker.accelerators, default=-1) >= self.shape.accelerator_count:
                        return f"{self.node} can't lose accelerators that {attempt.id} holds"
                    self.change(worker, attempt.resources, -1)
        return self.fault()
