"""The index of what each queue holds: amounts, accelerators by type and priority, money an hour, and the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tauon.model.attempt import Attempt
from tauon.model.changes import Changes
from tauon.model.ids import NodeId, QueueName
from tauon.model.job import Job
from tauon.model.money import hourly
from tauon.model.node import Node, NodeShape
from tauon.model.purse import Purse, Rate, renewed
from tauon.model.queue import Queue
from tauon.model.resources import Resources
from tauon.model.tree import Tree

ByType = dict[str, dict[int, int]]  # thousandths of accelerators, by type and priority


class Holdings:
    """Only the cluster changes this. What a queue holds is its own, without the queues below it."""

    def __init__(self) -> None:
        self.queues: dict[QueueName, Queue] = {}
        self.amounts: dict[QueueName, Resources] = {}
        self.by_type: dict[QueueName, ByType] = {}
        self.spending: dict[QueueName, int] = {}  # atoms of money an hour
        self.purse = Purse()
        self._tree: Tree | None = None

    @property
    def tree(self) -> Tree:
        """The tree that the queues form, made anew only when their settings change."""
        if self._tree is None:
            self._tree = Tree(self.queues)
        return self._tree

    def load(self, queues: Iterable[Queue]) -> None:
        """Take over the queues of a store."""
        self.queues = {queue.name: queue for queue in queues}
        self._tree = None
        for queue in self.queues.values():
            self.purse.watch(queue, {})

    def types_held(self, queue: QueueName) -> dict[str, int]:
        """Thousandths of accelerators that a queue holds, by type."""
        return {type_: sum(milli.values()) for type_, milli in self.by_type.get(queue, {}).items()}

    def configure(self, queue: Queue, at_us: int, changes: Changes) -> None:
        """Add a queue or change its settings; its past stays."""
        self.age(queue.name, at_us, changes)
        known = self.queues.get(queue.name)
        past = known.past if known else queue.past
        self._tree = None
        queue = renewed(replace(queue, past=past), known, at_us)
        self.queues[queue.name] = changes.queues[queue.name] = queue
        if queue.budgets or queue.name in self.purse.rates:
            self.purse.watch(queue, {name: self._rate(name) for name in (*self.amounts, *self.spending)})

    def remove(self, queue: QueueName, changes: Changes) -> None:
        self.queues.pop(queue, None)
        self.purse.rates.pop(queue, None)
        self._tree = None
        changes.queues[queue] = None

    def count(self, attempt: Attempt, job: Job, nodes: Mapping[NodeId, Node], sign: int) -> None:
        """Count an attempt in (`sign` +1) or out (-1)."""
        queue = job.queue
        self.amounts[queue] = self.amounts.get(queue, Resources()) + attempt.total * sign
        atoms_per_h = sign * spending(attempt, nodes)
        self.spending[queue] = self.spending.get(queue, 0) + atoms_per_h
        self.purse.change(queue, atoms_per_h, sign * attempt.accelerator_milli)
        if not attempt.accelerator_milli:
            return
        by_priority = self.by_type.setdefault(queue, {}).setdefault(attempt.accelerator, {})
        milli = by_priority.get(job.priority, 0) + sign * attempt.accelerator_milli
        if milli:
            by_priority[job.priority] = milli
        else:
            by_priority.pop(job.priority, None)

    def age(self, name: QueueName, at_us: int, changes: Changes) -> None:
        """Bring a queue's past, and what those with a budget above it have spent, up to a time; to be done before what
        it holds changes."""
        for above in self.purse.above(name):
            self.queues[above] = changes.queues[above] = self.purse.settled(self.queues[above], at_us)
        queue = self.queues.get(name)
        if queue is None or at_us <= queue.past.at_us:
            return
        past = queue.past.until(at_us, queue.half_life_us, self.amounts.get(name, Resources()), self.types_held(name))
        self.queues[name] = changes.queues[name] = replace(queue, past=past)

    def reprice(self, attempt: Attempt, queue: QueueName, old: NodeShape, new: Node) -> None:
        """A node on which an attempt has workers has other prices from now on."""
        workers = sum(worker.node == new.id for worker in attempt.placement)
        change = hourly(new.shape.rates, attempt.resources).atoms - hourly(old.rates, attempt.resources).atoms
        self.spending[queue] = self.spending.get(queue, 0) + change * workers
        self.purse.change(queue, change * workers, 0)

    def _rate(self, name: QueueName) -> Rate:
        return Rate(self.spending.get(name, 0), self.amounts.get(name, Resources()).accelerator_milli)


def spending(attempt: Attempt, nodes: Mapping[NodeId, Node]) -> int:
    """Atoms of money an hour that an attempt costs where it is."""
    workers: dict[NodeId, int] = {}
    for worker in attempt.placement:
        workers[worker.node] = workers.get(worker.node, 0) + 1
    return sum(hourly(nodes[node].shape.rates, attempt.resources).atoms * count for node, count in workers.items())
