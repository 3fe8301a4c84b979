"""How much of everything each queue uses, now and of late, compared level by level down the tree."""

from __future__ import annotations

from collections.abc import Mapping

from tauon.model.accelerator import relative_throughput
from tauon.model.cluster import Cluster
from tauon.model.ids import QueueName
from tauon.model.node import NodeShape
from tauon.model.queue import path
from tauon.model.resources import Resources
from tauon.model.tree import Tree


class Shares:
    """The dominant share of each queue and all below it, by weight.

    What counts is what a queue holds now plus what it held on average of late. The order is that of a Fair Tree
    (Slurm): siblings are compared, the topmost first. A queue's own workloads stand beside the queues below it, with
    weight 1. Dominant resource fairness: Ghodsi et al., NSDI 2011, with accelerators of all types as one resource.
    """

    def __init__(self, cluster: Cluster, tree: Tree, at_us: int) -> None:
        self._tree = tree
        self._worth = worth_of_types(cluster.fleet)
        self._total = _totals(cluster.fleet, self._worth)
        self._used: dict[QueueName, list[float]] = {}
        self._own: dict[QueueName, list[float]] = {}
        self._keys: dict[QueueName, tuple[float, ...]] = {}
        for name in dict.fromkeys((*cluster.queues, *cluster.held)):
            held, types = cluster.held.get(name, Resources()), cluster.holdings.types_held(name)
            queue = tree.queue(name)
            past = queue.past.until(at_us, queue.half_life_us, held, types)
            accelerators = sum(milli * self._value(type_) for type_, milli in types.items())
            accelerators += sum(milli * self._value(type_) for type_, milli in past.accelerators.items())
            self._add(name, (accelerators, held.cpu_milli + past.cpu_milli, held.memory_mib + past.memory_mib))

    def key(self, queue: QueueName) -> tuple[float, ...]:
        """What a queue used of its share, from the top of the tree down; the smaller goes first."""
        key = self._keys.get(queue)
        if key is None:
            found = [self._dominant(self._used.get(name)) / self._tree.queue(name).weight for name in path(queue)]
            key = self._keys[queue] = (*found, self._dominant(self._own.get(queue)))
        return key

    def part(self, by_type: Mapping[str, float], cpu_milli: float, memory_mib: float) -> float:
        """The dominant share of these amounts of all that there is."""
        accelerators = sum(milli * self._value(type_) for type_, milli in by_type.items())
        return self._dominant([accelerators, cpu_milli, memory_mib])

    def add(self, queue: QueueName, accelerator: str, amounts: Resources) -> None:
        """A queue gets these amounts."""
        accelerators = amounts.accelerator_milli * self._value(accelerator)
        self._add(queue, (accelerators, amounts.cpu_milli, amounts.memory_mib))
        top = path(queue)[0]
        for name in [name for name in self._keys if path(name)[0] == top]:
            del self._keys[name]

    def _value(self, accelerator: str) -> float:
        return self._worth.get(accelerator, 1.0)

    def _add(self, queue: QueueName, amounts: tuple[float, float, float]) -> None:
        for name in path(queue):
            used = self._used.setdefault(name, [0.0, 0.0, 0.0])
            for i, amount in enumerate(amounts):
                used[i] += amount
        own = self._own.setdefault(queue, [0.0, 0.0, 0.0])
        for i, amount in enumerate(amounts):
            own[i] += amount

    def _dominant(self, used: list[float] | None) -> float:
        if used is None:
            return 0.0
        return max(amount / total if total else 0.0 for amount, total in zip(used, self._total, strict=True))


def worth_of_types(fleet: Mapping[NodeShape, int]) -> dict[str, float]:
    """What one accelerator of each type counts: its mean price where all have one, else its throughput, else 1."""
    counts: dict[str, int] = {}
    prices: dict[str, int] = {}
    for shape, nodes in fleet.items():
        if shape.accelerator:
            number = nodes * shape.accelerator_count
            counts[shape.accelerator] = counts.get(shape.accelerator, 0) + number
            price = number * shape.rates.accelerator_micro_usd
            prices[shape.accelerator] = prices.get(shape.accelerator, 0) + price
    if all(prices.values()):
        return {type_: prices[type_] / number for type_, number in counts.items()}
    throughput = {type_: relative_throughput(type_) for type_ in counts}
    return {type_: found or 1.0 for type_, found in throughput.items()} if all(throughput.values()) else {}


def _totals(fleet: Mapping[NodeShape, int], worth: Mapping[str, float]) -> tuple[float, float, float]:
    accelerators = cpu_milli = memory_mib = 0.0
    for shape, nodes in fleet.items():
        capacity = shape.capacity
        accelerators += nodes * capacity.accelerator_milli * worth.get(shape.accelerator, 1.0)
        cpu_milli += nodes * capacity.cpu_milli
        memory_mib += nodes * capacity.memory_mib
    return accelerators, cpu_milli, memory_mib
