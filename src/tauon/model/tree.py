"""The tree that the queues form: who stands below whom, and what each is entitled to and limited to."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Mapping
from typing import NamedTuple

from tauon.model.ids import QueueName
from tauon.model.queue import Queue, path


class Level(NamedTuple):
    """A guarantee that stands over what a queue holds: whose it is and how deep in the tree, whether it is the queue's
    own and of none below, its amount in thousandths, and the guarantees of the queues right below it."""

    queue: QueueName
    depth: int
    is_own: bool
    milli: int
    below: tuple[tuple[QueueName, int], ...]


class Tree:
    """A view of the configured queues' settings; queues that are only implied by a name below them are there too.

    A queue that names no guarantee for a type is guaranteed what the queues below it are together. The past of a queue
    is not to be read here: it moves with the journal, and a tree is kept for as long as the settings stay.
    """

    def __init__(self, queues: Mapping[QueueName, Queue]) -> None:
        self._queues: dict[QueueName, Queue] = {}
        self._children: dict[QueueName, list[QueueName]] = {}
        for name in dict.fromkeys(above for queue in queues for above in path(queue)):
            self._queues[name] = queues.get(name) or Queue(name=name)
            *_, parent = (QueueName(""), *path(name)[:-1])
            self._children.setdefault(parent, []).append(name)
        self.has_guarantees = any(any(queue.guarantee.values()) for queue in queues.values())
        self._guarantees = {n: self._guarantees_of(n) for n in self._queues} if self.has_guarantees else {}
        self.limits_money = any(q.max_micro_usd_per_h is not None for q in self._queues.values())
        self.has_budgets = any(budget.hard for q in self._queues.values() for budget in q.budgets)
        self.has_limits = (
            self.limits_money or self.has_budgets or any(q.maximum or not q.borrow for q in self._queues.values())
        )
        self._levels: dict[tuple[QueueName, str], tuple[Level, ...]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._queues

    @property
    def names(self) -> KeysView[QueueName]:
        """All queues, configured or implied."""
        return self._queues.keys()

    def queue(self, name: QueueName) -> Queue:
        """Its settings; those of a queue that nobody configured are the defaults."""
        return self._queues.get(name) or Queue(name=name)

    def children(self, name: QueueName) -> list[QueueName]:
        return self._children.get(name, [])

    def types(self, name: QueueName) -> Mapping[str, int]:
        """What a queue is guaranteed, in thousandths by type."""
        return self._guarantees.get(name, {})

    def guarantee(self, name: QueueName, type_: str) -> int:
        """Thousandths of accelerators of a type that a queue is guaranteed."""
        return self._guarantees.get(name, {}).get(type_, 0)

    def levels(self, name: QueueName, type_: str) -> tuple[Level, ...]:
        """The guarantees for a type that stand over what a queue holds, its own first."""
        found = self._levels.get((name, type_))
        if found is None:
            found = self._levels[name, type_] = tuple(self._levels_of(name, type_))
        return found

    def _levels_of(self, name: QueueName, type_: str) -> Iterator[Level]:
        names = path(name)
        for depth in range(len(names), 0, -1):
            here = names[depth - 1]
            milli = self.guarantee(here, type_)
            if milli:
                is_own = depth == len(names) and not self.children(here)
                below = tuple((c, self.guarantee(c, type_)) for c in self.children(here) if self.guarantee(c, type_))
                yield Level(here, depth, is_own, milli, below)

    def limit(self, name: QueueName, type_: str) -> int | None:
        """Thousandths of accelerators of a type that a queue may hold at most, with all below it; None: no limit."""
        queue = self._queues.get(name)
        if queue is None:
            return None
        most = queue.maximum.get(type_)
        if queue.borrow:
            return most
        own = self.guarantee(name, type_)
        return own if most is None else min(own, most)

    def _guarantees_of(self, name: QueueName) -> dict[str, int]:
        found: dict[str, int] = {}
        for child in self.children(name):
            for type_, milli in self._guarantees_of(child).items():
                found[type_] = found.get(type_, 0) + milli
        return {type_: milli for type_, milli in (found | self._queues[name].guarantee).items() if milli}
