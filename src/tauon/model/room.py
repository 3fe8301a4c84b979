"""What is free on one node, and what nodes have in common that have as much free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

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


_NOTHING = Resources()


class Room:
    """What is free on one node: thousandths of each accelerator, cores in thousandths, memory and disk in MiB.

    What others than us hold there is not free either. Where it overlaps with what we hold, it is `lacking`, and taken from
    what we give back.
    """

    __slots__ = (
        "_level", "aside", "cpu_milli", "disk_mib", "lacking", "memory_mib", "milli", "node", "others", "shape", "whole",
    )  # fmt: skip

    def __init__(self, node: NodeId, shape: NodeShape) -> None:
        self.node = node
        self.shape = shape
        self.milli = [MILLI] * shape.accelerator_count
        self.whole = shape.accelerator_count
        self.cpu_milli = shape.cpu_milli
        self.memory_mib = shape.memory_mib
        self.disk_mib = shape.disk_mib
        self._level: Level | None = None  # as long as nothing has changed
        self.others = _NOTHING
        self.aside: tuple[tuple[int, ...], Resources] = ((), _NOTHING)  # accelerators and amounts kept back for them
        self.lacking = False

    def copy(self) -> Room:
        twin = Room.__new__(Room)
        twin.node, twin.shape, twin.whole = self.node, self.shape, self.whole
        twin.milli = self.milli.copy()
        twin.cpu_milli, twin.memory_mib, twin.disk_mib = self.cpu_milli, self.memory_mib, self.disk_mib
        twin._level = self._level  # noqa: SLF001 - its own kind
        twin.others, twin.aside, twin.lacking = self.others, self.aside, self.lacking
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
        if self.lacking and sign > 0:
            self.share(self.others)

    def share(self, others: Resources) -> None:
        """Keep back what others hold, as far as it is free. Which accelerators these are only their engine knows: the last
        that are free stand for them, for we take the first."""
        indices, amounts = self.aside
        for index in indices:
            self.milli[index] = MILLI
        wanted = -(-others.accelerator_milli // MILLI)
        free = [index for index in reversed(range(len(self.milli))) if self.milli[index] == MILLI]
        indices = tuple(free[:wanted])
        for index in indices:
            self.milli[index] = 0
        self.whole = len(free) - len(indices)
        there = amounts + Resources(cpu_milli=self.cpu_milli, memory_mib=self.memory_mib, disk_mib=self.disk_mib)
        asked = replace(others, accelerator_milli=0)
        kept = Resources(
            cpu_milli=max(0, min(asked.cpu_milli, there.cpu_milli)),
            memory_mib=max(0, min(asked.memory_mib, there.memory_mib)),
            disk_mib=max(0, min(asked.disk_mib, there.disk_mib)),
        )
        left = there - kept
        self.cpu_milli, self.memory_mib, self.disk_mib = left.cpu_milli, left.memory_mib, left.disk_mib
        self.others, self.aside = others, (indices, kept)
        self.lacking = len(indices) < wanted or kept != asked
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

    def close(self) -> None:
        """Take all that is free."""
        self.milli = [0] * len(self.milli)
        self.whole = self.cpu_milli = self.memory_mib = self.disk_mib = 0
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
