"""The index of what is free: nodes by shape and number of free accelerators, kept up to date by every placement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tauon.model.attempt import WorkerPlacement
from tauon.model.errors import InvariantViolated
from tauon.model.ids import NodeId
from tauon.model.node import NodeShape
from tauon.model.resources import MILLI, Resources


class Room:
    """What is free on one node: thousandths of each accelerator, cores in thousandths, memory and disk in MiB."""

    __slots__ = ("cpu_milli", "disk_mib", "memory_mib", "milli", "node", "shape", "whole")

    def __init__(self, node: NodeId, shape: NodeShape) -> None:
        self.node = node
        self.shape = shape
        self.milli = [MILLI] * shape.accelerator_count
        self.whole = shape.accelerator_count
        self.cpu_milli = shape.cpu_milli
        self.memory_mib = shape.memory_mib
        self.disk_mib = shape.disk_mib

    def copy(self) -> Room:
        twin = Room.__new__(Room)
        twin.node, twin.shape, twin.whole = self.node, self.shape, self.whole
        twin.milli = self.milli.copy()
        twin.cpu_milli, twin.memory_mib, twin.disk_mib = self.cpu_milli, self.memory_mib, self.disk_mib
        return twin

    def has_besides(self, want: Resources) -> bool:
        """Whether cores, memory and disk suffice (accelerators are looked at apart)."""
        return (
            want.cpu_milli <= self.cpu_milli and want.memory_mib <= self.memory_mib and want.disk_mib <= self.disk_mib
        )

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

    def fault(self) -> str:
        """What contradicts itself here, or an empty string."""
        if any(m < 0 or m > MILLI for m in self.milli):
            return f"{self.node}: an accelerator is given twice or freed twice ({self.milli})"
        if self.cpu_milli < 0 or self.memory_mib < 0 or self.disk_mib < 0:
            return f"{self.node}: more cores, memory or disk given than there is"
        return ""


Buckets = list[dict[NodeId, None]]  # by number of wholly free accelerators; a dict keeps the order of arrival


class Capacity:
    """Rooms of all nodes that take work, and for each shape its nodes by how many accelerators are wholly free."""

    def __init__(self) -> None:
        self._rooms: dict[NodeId, Room] = {}
        self._shapes: dict[NodeShape, Buckets] = {}
        self._total = Resources()

    @property
    def total(self) -> Resources:
        """All that the nodes that take work have, held or free."""
        return self._total

    @property
    def shapes(self) -> Mapping[NodeShape, Buckets]:
        return self._shapes

    def room(self, node: NodeId) -> Room | None:
        return self._rooms.get(node)

    def rooms(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def bucket(self, shape: NodeShape, whole: int) -> Iterator[Room]:
        """The rooms of a shape with exactly `whole` accelerators wholly free."""
        return (self._rooms[node] for node in self._shapes[shape][whole])

    def count(self, shape: NodeShape, whole: int) -> int:
        """How many nodes of a shape have exactly `whole` accelerators wholly free."""
        return len(self._shapes[shape][whole])

    def add(self, node: NodeId, shape: NodeShape) -> None:
        """Let a node take work."""
        if node in self._rooms:
            raise InvariantViolated(f"{node} is there already")
        room = self._rooms[node] = Room(node, shape)
        buckets = self._shapes.get(shape)
        if buckets is None:
            buckets = self._shapes[shape] = [{} for _ in range(shape.accelerator_count + 1)]
        buckets[room.whole][node] = None
        self._total = self._total + shape.capacity

    def remove(self, node: NodeId) -> None:
        """Let a node take no work; unknown nodes are passed over."""
        room = self._rooms.pop(node, None)
        if room is None:
            return
        self._total = self._total - room.shape.capacity
        buckets = self._shapes[room.shape]
        del buckets[room.whole][node]
        if not any(buckets):
            del self._shapes[room.shape]

    def change(self, worker: WorkerPlacement, amounts: Resources, sign: int) -> None:
        """Take (`sign` -1) or give back (+1) what a worker holds, where its node still takes work."""
        room = self._rooms.get(worker.node)
        if room is None:
            return
        before = room.whole
        room.change(worker, amounts, sign)
        if room.whole != before:
            buckets = self._shapes[room.shape]
            del buckets[before][worker.node]
            buckets[room.whole][worker.node] = None

    def take(self, placement: Sequence[WorkerPlacement], amounts: Resources) -> str:
        """Take the room of a whole gang; where it does not fit, take none of it and say why."""
        for rank, worker in enumerate(placement):
            fault = self._take_one(worker, amounts)
            if fault:
                for earlier in placement[:rank]:
                    self.change(earlier, amounts, +1)
                return fault
        return ""

    def _take_one(self, worker: WorkerPlacement, amounts: Resources) -> str:
        room = self._rooms.get(worker.node)
        if room is None:
            return f"{worker.node} takes no work"
        if any(not 0 <= index < len(room.milli) for index in worker.accelerators):
            return f"{worker.node} has no accelerators {worker.accelerators}"
        self.change(worker, amounts, -1)
        fault = room.fault()
        if fault:
            self.change(worker, amounts, +1)
        return fault

    def fork(self) -> CapacityFork:
        """A copy that costs only what is changed in it."""
        return CapacityFork(self)


class CapacityFork:
    """What-if over a `Capacity`: rooms that are changed are copied, the rest are read through."""

    def __init__(self, base: Capacity | CapacityFork) -> None:
        self._base = base
        self._touched: dict[NodeId, Room] = {}
        self._moved: dict[NodeShape, Buckets] = {}
        self._away: dict[tuple[NodeShape, int], int] = {}

    @property
    def shapes(self) -> Mapping[NodeShape, Buckets]:
        return self._base.shapes

    def room(self, node: NodeId) -> Room | None:
        return self._touched.get(node) or self._base.room(node)

    def rooms(self) -> Iterator[Room]:
        touched = self._touched
        return (touched.get(room.node, room) for room in self._base.rooms())

    def bucket(self, shape: NodeShape, whole: int) -> Iterator[Room]:
        """The rooms of a shape with exactly `whole` accelerators wholly free, those changed here first."""
        touched = self._touched
        moved = self._moved.get(shape)
        if moved is not None:
            yield from [touched[node] for node in moved[whole]]
        for room in self._base.bucket(shape, whole):
            if room.node not in touched:
                yield room

    def count(self, shape: NodeShape, whole: int) -> int:
        """How many nodes of a shape have exactly `whole` accelerators wholly free."""
        moved = self._moved.get(shape)
        here = len(moved[whole]) if moved is not None else 0
        return self._base.count(shape, whole) - self._away.get((shape, whole), 0) + here

    def fork(self) -> CapacityFork:
        """A what-if over this what-if."""
        return CapacityFork(self)

    def _touch(self, node: NodeId) -> Room | None:
        room = self._touched.get(node)
        if room is not None:
            return room
        base = self._base.room(node)
        if base is None:
            return None
        room = self._touched[node] = base.copy()
        shape = room.shape
        key = (shape, room.whole)
        self._away[key] = self._away.get(key, 0) + 1
        moved = self._moved.get(shape)
        if moved is None:
            moved = self._moved[shape] = [{} for _ in range(shape.accelerator_count + 1)]
        moved[room.whole][node] = None
        return room

    def change(self, worker: WorkerPlacement, amounts: Resources, sign: int) -> None:
        """Take (`sign` -1) or give back (+1) what a worker holds, where its node takes work."""
        room = self._touch(worker.node)
        if room is None:
            return
        before = room.whole
        room.change(worker, amounts, sign)
        if room.whole != before:
            moved = self._moved[room.shape]
            del moved[before][worker.node]
            moved[room.whole][worker.node] = None

    def hold(self, worker: WorkerPlacement, amounts: Resources) -> None:
        """Take as much of this as is free: the part of a reservation that nobody else may have meanwhile."""
        room = self._touch(worker.node)
        if room is None:
            return
        before = room.whole
        for index in worker.accelerators:
            room.whole -= room.milli[index] == MILLI
            room.milli[index] = max(0, room.milli[index] - worker.share_milli)
        room.cpu_milli = max(0, room.cpu_milli - amounts.cpu_milli)
        room.memory_mib = max(0, room.memory_mib - amounts.memory_mib)
        room.disk_mib = max(0, room.disk_mib - amounts.disk_mib)
        if room.whole != before:
            moved = self._moved[room.shape]
            del moved[before][worker.node]
            moved[room.whole][worker.node] = None
