"""The index of what is free: nodes by shape and number of free accelerators, kept up to date by every placement."""

from __future__ import annotations

from collections import OrderedDict
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


# Nodes by number of wholly free accelerators, each in order of arrival. Placements mostly take the first: an
# OrderedDict drops it at once, where a dict would scan over the places of all that were dropped before.
Buckets = list[OrderedDict[NodeId, None]]


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

    def members(self, shape: NodeShape, whole: int) -> OrderedDict[NodeId, None]:
        """The nodes of a shape with exactly `whole` accelerators wholly free; not to be changed."""
        return self._shapes[shape][whole]

    def bucket(self, shape: NodeShape, whole: int) -> Iterator[Room]:
        """The rooms of those nodes."""
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
            buckets = self._shapes[shape] = [OrderedDict() for _ in range(shape.accelerator_count + 1)]
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
    """What-if over a `Capacity` (or over another what-if): rooms and buckets are copied when they are first changed."""

    def __init__(self, base: Capacity | CapacityFork) -> None:
        self._base = base
        self._rooms: dict[NodeId, Room] = {}
        self._buckets: dict[tuple[NodeShape, int], OrderedDict[NodeId, None]] = {}

    @property
    def shapes(self) -> Mapping[NodeShape, Buckets]:
        return self._base.shapes

    def room(self, node: NodeId) -> Room | None:
        return self._rooms.get(node) or self._base.room(node)

    def rooms(self) -> Iterator[Room]:
        rooms = self._rooms
        return (rooms.get(room.node, room) for room in self._base.rooms())

    def members(self, shape: NodeShape, whole: int) -> OrderedDict[NodeId, None]:
        """The nodes of a shape with exactly `whole` accelerators wholly free; not to be changed."""
        own = self._buckets.get((shape, whole))
        return self._base.members(shape, whole) if own is None else own

    def bucket(self, shape: NodeShape, whole: int) -> Iterator[Room]:
        """The rooms of those nodes."""
        rooms, base = self._rooms, self._base
        for node in self.members(shape, whole):
            room = rooms.get(node) or base.room(node)
            if room is not None:
                yield room

    def count(self, shape: NodeShape, whole: int) -> int:
        """How many nodes of a shape have exactly `whole` accelerators wholly free."""
        return len(self.members(shape, whole))

    def fork(self) -> CapacityFork:
        """A what-if over this what-if."""
        return CapacityFork(self)

    def _own_room(self, node: NodeId) -> Room | None:
        room = self._rooms.get(node)
        if room is None:
            base = self._base.room(node)
            if base is None:
                return None
            room = self._rooms[node] = base.copy()
        return room

    def _own_bucket(self, shape: NodeShape, whole: int) -> OrderedDict[NodeId, None]:
        key = (shape, whole)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = self._base.members(shape, whole).copy()
        return bucket

    def _moved(self, room: Room, before: int) -> None:
        if room.whole != before:
            del self._own_bucket(room.shape, before)[room.node]
            self._own_bucket(room.shape, room.whole)[room.node] = None

    def change(self, worker: WorkerPlacement, amounts: Resources, sign: int) -> None:
        """Take (`sign` -1) or give back (+1) what a worker holds, where its node takes work."""
        room = self._own_room(worker.node)
        if room is not None:
            before = room.whole
            room.change(worker, amounts, sign)
            self._moved(room, before)

    def hold(self, worker: WorkerPlacement, amounts: Resources) -> None:
        """Take as much of this as is free: the part of a reservation that nobody else may have meanwhile."""
        room = self._own_room(worker.node)
        if room is None:
            return
        before = room.whole
        for index in worker.accelerators:
            room.whole -= room.milli[index] == MILLI
            room.milli[index] = max(0, room.milli[index] - worker.share_milli)
        room.cpu_milli = max(0, room.cpu_milli - amounts.cpu_milli)
        room.memory_mib = max(0, room.memory_mib - amounts.memory_mib)
        room.disk_mib = max(0, room.disk_mib - amounts.disk_mib)
        self._moved(room, before)
