"""How much of everything each queue uses, now and of late, compared level by level down the tree."""

from __future__ import annotations

from collections.abc import Mapping

from tauon.model.accelerator import relative_throughput
from tauon.model.cluster import Cluster
from tauon.model.ids import QueueName
from tauon.model.node import NodeShape
from tauon.model.past import Past
from tauon.model.queue import path
from tauon.model.resources import Resources

Amounts = tuple[float, float, float]  # worth of accelerators, thousandths of cores, MiB of memory


class Shares:
    """The dominant share of each queue and all below it, by weight.

    What counts is what a queue holds now plus what it held on average of late. The order is that of a Fair Tree
    (Slurm): siblings are compared, the topmost first. A queue's own workloads stand beside the queues below it, with
    weight 1. Dominant resource fairness: Ghodsi et al., NSDI 2011, with accelerators of all types as one resource.
    """

    def __init__(self, cluster: Cluster, at_us: int) -> None:
        self._cluster = cluster
        self._tree = cluster.tree
        self._at_us = at_us
        self._worth = worth_of_types(cluster.fleet)
        self._total = _totals(cluster.fleet, self._worth)
        # Worked out for the queues that somebody asks for, and those below them.
        self._own: dict[QueueName, Amounts] = {}
        self._used: dict[QueueName, Amounts] = {}
        self._shares: dict[QueueName, float] = {}
        # Queues that left the configuration while something of theirs still runs.
        self._gone = [name for name in cluster.held if name not in self._tree]

    def key(self, queue: QueueName) -> tuple[float, ...]:
        """What a queue used of its share, from the top of the tree down; the smaller goes first."""
        return (*[self.of(name) for name in path(queue)], self._dominant(self._own_of(queue)))

    def of(self, name: QueueName) -> float:
        """What a queue and all below it used, by its weight."""
        share = self._shares.get(name)
        if share is None:
            share = self._shares[name] = self._dominant(self._used_by(name)) / self._tree.queue(name).weight
        return share

    def part(self, by_type: Mapping[str, float], cpu_milli: float, memory_mib: float) -> float:
        """The dominant share of these amounts of all that there is."""
        accelerators = sum(milli * self._value(type_) for type_, milli in by_type.items())
        return self._dominant((accelerators, cpu_milli, memory_mib))

    def add(self, queue: QueueName, accelerator: str, amounts: Resources) -> None:
        """A queue gets these amounts."""
        accelerators = amounts.accelerator_milli * self._value(accelerator)
        more = (accelerators, float(amounts.cpu_milli), float(amounts.memory_mib))
        for name in path(queue):
            self._used[name] = _sum(self._used_by(name), more)
            self._shares.pop(name, None)
        self._own[queue] = _sum(self._own_of(queue), more)

    def _value(self, accelerator: str) -> float:
        return self._worth.get(accelerator, 1.0)

    def _own_of(self, name: QueueName) -> Amounts:
        """What a queue itself holds, and held of late."""
        own = self._own.get(name)
        if own is None:
            held, types = self._cluster.held.get(name, Resources()), self._cluster.holdings.types_held(name)
            queue = self._cluster.queues.get(name)
            past = queue.past.until(self._at_us, queue.half_life_us, held, types) if queue else Past()
            accelerators = sum(milli * self._value(type_) for type_, milli in types.items())
            accelerators += sum(milli * self._value(type_) for type_, milli in past.accelerators.items())
            own = self._own[name] = (accelerators, held.cpu_milli + past.cpu_milli, held.memory_mib + past.memory_mib)
        return own

    def _used_by(self, name: QueueName) -> Amounts:
        """The same with all below it."""
        used = self._used.get(name)
        if used is None:
            used = self._own_of(name)
            for child in self._tree.children(name):
                used = _sum(used, self._used_by(child))
            for gone in self._gone:
                if name in path(gone)[:-1]:
                    used = _sum(used, self._own_of(gone))
            self._used[name] = used
        return used

    def _dominant(self, used: Amounts) -> float:
        # Written out: it is asked for each queue at each turn.
        (a, b, c), (all_a, all_b, all_c) = used, self._total
        return max(a / all_a if all_a else 0.0, b / all_b if all_b else 0.0, c / all_c if all_c else 0.0)


def _sum(one: Amounts, other: Amounts) -> Amounts:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


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


def _totals(fleet: Mapping[NodeShape, int], worth: Mapping[str, float]) -> Amounts:
    accelerators = cpu_milli = memory_mib = 0.0
    for shape, nodes in fleet.items():
        capacity = shape.capacity
        accelerators += nodes * capacity.accelerator_milli * worth.get(shape.accelerator, 1.0)
        cpu_milli += nodes * capacity.cpu_milli
        memory_mib += nodes * capacity.memory_mib
    return accelerators, cpu_milli, memory_mib
