"""The index of what is free: nodes by shape and by what each has left, kept up to date by every placement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tauon.model.attempt import Attempt, WorkerPlacement
from tauon.model.errors import InvariantViolated
from tauon.model.ids import NodeId
from tauon.model.node import Node, NodeShape
from tauon.model.resources import Resources
from tauon.model.room import Level, Room
from tauon.model.shelf import Shelf

NOTHING = Shelf.of(0)


class Capacity:
    """Rooms of all nodes that take work, and for each shape its nodes by what they have free."""

    def __init__(self) -> None:
        self._rooms: dict[NodeId, Room] = {}
        self._shelves: dict[NodeShape, Shelf] = {}
        self._total = Resources()

    @property
    def total(self) -> Resources:
        """All that the nodes that take work have, held or free."""
        return self._total

    @property
    def shapes(self) -> Iterable[NodeShape]:
        """The shapes of the nodes that take work."""
        return self._shelves.keys()

    def room(self, node: NodeId) -> Room | None:
        return self._rooms.get(node)

    def rooms(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def shelf(self, shape: NodeShape) -> Shelf:
        """The nodes of a shape by what they have free; not to be changed."""
        return self._shelves.get(shape, NOTHING)

    def bucket(self, shape: NodeShape, whole: int) -> Iterator[Room]:
        """The rooms of the nodes with exactly `whole` accelerators wholly free."""
        return (
            self._rooms[node] for levels in self.shelf(shape).row(whole) for nodes in levels.values() for node in nodes
        )

    def count(self, shape: NodeShape, whole: int) -> int:
        """How many nodes of a shape have exactly `whole` accelerators wholly free."""
        return sum(len(nodes) for levels in self.shelf(shape).row(whole) for nodes in levels.values())

    def add(self, node: NodeId, shape: NodeShape) -> None:
        """Let a node take work."""
        if node in self._rooms:
            raise InvariantViolated(f"{node} is there already")
        room = self._rooms[node] = Room(node, shape)
        if shape not in self._shelves:
            self._shelves[shape] = Shelf.of(shape.accelerator_count)
        self._shelves[shape].put(node, room.level())
        self._total = self._total + shape.capacity

    def remove(self, node: NodeId) -> None:
        """Let a node take no work; unknown nodes are passed over."""
        room = self._rooms.pop(node, None)
        if room is None:
            return
        self._total = self._total - room.shape.capacity
        shelf = self._shelves[room.shape]
        shelf.drop(node, room.level())
        if not shelf:
            del self._shelves[room.shape]

    def change(self, worker: WorkerPlacement, amounts: Resources, sign: int) -> None:
        """Take (`sign` -1) or give back (+1) what a worker holds, where its node still takes work."""
        room = self._rooms.get(worker.node)
        if room is not None:
            before = room.level()
            room.change(worker, amounts, sign)
            self._shelves[room.shape].move(room.node, before, room.level())

    def fill(self, node: Node, attempts: Iterable[Attempt]) -> None:
        """Take what these hold of a node that takes work again, and keep back what others hold of it."""
        for attempt in attempts:
            for worker in attempt.placement:
                if worker.node == node.id:
                    self.change(worker, attempt.resources, -1)
        self.share(node.id, node.others)

    def share(self, node: NodeId, others: Resources) -> None:
        """Keep back what others than us hold of a node, where it takes work."""
        room = self._rooms.get(node)
        if room is not None and (room.others != others or room.lacking):
            before = room.level()
            room.share(others)
            self._shelves[room.shape].move(room.node, before, room.level())

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
        if worker.accelerators and not 0 <= min(worker.accelerators) <= max(worker.accelerators) < len(room.milli):
            return f"{worker.node} has no accelerators {worker.accelerators}"
        before = room.level()
        room.change(worker, amounts, -1)
        fault = room.fault()
        if fault:
            room.change(worker, amounts, +1)
        else:
            self._shelves[room.shape].move(room.node, before, room.level())
        return fault

    def fork(self) -> CapacityFork:
        """A copy that costs only what is changed in it."""
        return CapacityFork(self)


class CapacityFork:
    """What-if over a `Capacity` (or over another what-if): rooms and shelves are copied when they are first changed."""

    def __init__(self, base: Capacity | CapacityFork) -> None:
        self._base = base
        self._rooms: dict[NodeId, Room] = {}
        self._shelves: dict[NodeShape, Shelf] = {}

    @property
    def shapes(self) -> Iterable[NodeShape]:
        """The shapes of the nodes that take work."""
        return self._base.shapes

    def room(self, node: NodeId) -> Room | None:
        return self._rooms.get(node) or self._base.room(node)

    def rooms(self) -> Iterator[Room]:
        rooms = self._rooms
        return (rooms.get(room.node, room) for room in self._base.rooms())

    @property
    def changed(self) -> Iterable[Room]:
        """The rooms of the nodes on which something was changed."""
        return self._rooms.values()

    def shelf(self, shape: NodeShape) -> Shelf:
        """The nodes of a shape by what they have free; not to be changed."""
        return self._shelves.get(shape) or self._base.shelf(shape)

    def bucket(self, shape: NodeShape, whole: int) -> Iterator[Room]:
        """The rooms of the nodes with exactly `whole` accelerators wholly free."""
        rooms, base = self._rooms, self._base
        for nodes in (nodes for levels in self.shelf(shape).row(whole) for nodes in levels.values()):
            for node in nodes:
                room = rooms.get(node) or base.room(node)
                if room is not None:
                    yield room

    def count(self, shape: NodeShape, whole: int) -> int:
        """How many nodes of a shape have exactly `whole` accelerators wholly free."""
        return sum(len(nodes) for levels in self.shelf(shape).row(whole) for nodes in levels.values())

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

    def _move(self, room: Room, before: Level) -> None:
        after = room.level()
        if after != before:
            shelf = self._shelves.get(room.shape)
            if shelf is None:
                shelf = self._shelves[room.shape] = self._base.shelf(room.shape).copy()
            shelf.move(room.node, before, after)

    def change(self, worker: WorkerPlacement, amounts: Resources, sign: int) -> None:
        """Take (`sign` -1) or give back (+1) what a worker holds, where its node takes work."""
        room = self._own_room(worker.node)
        if room is not None:
            before = room.level()
            room.change(worker, amounts, sign)
            self._move(room, before)

    def close(self, node: NodeId) -> None:
        """Take all that is free on a node."""
        room = self._own_room(node)
        if room is not None:
            before = room.level()
            room.close()
            self._move(room, before)

    def hold(self, worker: WorkerPlacement, amounts: Resources) -> None:
        """Take as much of this as is free: the part of a reservation that nobody else may have meanwhile."""
        room = self._own_room(worker.node)
        if room is None:
            return
        before = room.level()
        room.hold(worker, amounts)
        self._move(room, before)
