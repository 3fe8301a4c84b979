"""Queues as they are shown: what each holds, what it is entitled and limited to, and its share now and of late."""

from __future__ import annotations

from collections.abc import Mapping

from tauon.model.cluster import Cluster
from tauon.model.ids import QueueName
from tauon.model.job import JobState
from tauon.model.money import Money
from tauon.model.past import Past
from tauon.model.queue import path
from tauon.model.resources import MILLI, Resources
from tauon.model.tree import Tree
from tauon.planner.shares import Shares
from tauon.service.views import QueueView


class _Sum:
    """What a queue and all below it hold, held of late, and wait for."""

    def __init__(self) -> None:
        self.waiting = self.running = self.atoms_per_h = 0
        self.held = Resources()
        self.by_type: dict[str, float] = {}
        self.past_by_type: dict[str, float] = {}
        self.past_cpu_milli = self.past_memory_mib = 0.0

    def add_past(self, past: Past) -> None:
        for type_, milli in past.accelerators.items():
            self.past_by_type[type_] = self.past_by_type.get(type_, 0.0) + milli
        self.past_cpu_milli += past.cpu_milli
        self.past_memory_mib += past.memory_mib


def queue_views(cluster: Cluster, now_us: int) -> list[QueueView]:
    """All queues by name, each with all that is below it."""
    tree, shares = cluster.tree, Shares(cluster, now_us)
    sums = _sums(cluster, now_us)
    there = _accelerators(cluster)
    views = []
    for queue in sorted(cluster.queues.values(), key=lambda q: q.name):
        found = sums.get(queue.name) or _Sum()
        guarantee, held = _plain(tree.types(queue.name)), _plain(found.by_type)
        limits = {type_: tree.limit(queue.name, type_) for type_ in {*queue.maximum, *guarantee}}
        most = queue.max_micro_usd_per_h
        views.append(
            QueueView(
                name=queue.name,
                weight=queue.weight,
                priority=queue.priority,
                waiting=found.waiting,
                running=found.running,
                accelerators_held=found.held.accelerator_milli / MILLI,
                share=shares.part(found.by_type, found.held.cpu_milli, found.held.memory_mib),
                recent_share=shares.part(found.past_by_type, found.past_cpu_milli, found.past_memory_mib),
                fair_share=_due(queue.name, tree),
                held=held,
                guarantee=guarantee,
                maximum=_plain({t: milli for t, milli in sorted(limits.items()) if milli is not None}),
                borrowed={t: n - guarantee.get(t, 0.0) for t, n in held.items() if n > guarantee.get(t, 0.0)}
                if tree.has_guarantees
                else {},
                usd_per_h=Money(found.atoms_per_h).usd,
                max_usd_per_h=None if most is None else Money.of_micro_usd(most).usd,
                message=_lack(guarantee, there) if queue.parent is None else "",
            )
        )
    return views


def _sums(cluster: Cluster, now_us: int) -> dict[QueueName, _Sum]:
    sums: dict[QueueName, _Sum] = {}
    for job in cluster.jobs.values():
        for name in path(job.queue):
            found = sums.setdefault(name, _Sum())
            found.waiting += job.state is JobState.QUEUED
            found.running += job.state is not JobState.QUEUED
    for name in {*cluster.queues, *cluster.held}:
        held, by_type = cluster.held.get(name, Resources()), cluster.holdings.types_held(name)
        queue = cluster.queues.get(name)
        past = queue.past.until(now_us, queue.half_life_us, held, by_type) if queue else Past()
        for above in path(name):
            found = sums.setdefault(above, _Sum())
            found.held = found.held + held
            found.atoms_per_h += cluster.holdings.spending.get(name, 0)
            for type_, milli in by_type.items():
                found.by_type[type_] = found.by_type.get(type_, 0.0) + milli
            found.add_past(past)
    return sums


def _due(name: QueueName, tree: Tree) -> float:
    """The part of everything that a queue's weight, and those of all above it, stand for."""
    due = 1.0
    for above in path(name):
        parent = tree.queue(above).parent
        siblings = tree.children(parent or QueueName(""))
        due *= tree.queue(above).weight / sum(tree.queue(sibling).weight for sibling in siblings)
    return due


def _accelerators(cluster: Cluster) -> dict[str, int]:
    there: dict[str, int] = {}
    for shape, nodes in cluster.fleet.items():
        there[shape.accelerator] = there.get(shape.accelerator, 0) + nodes * shape.accelerator_count
    return there


def _lack(guarantee: Mapping[str, float], there: Mapping[str, int]) -> str:
    """What is guaranteed beyond what there is, or an empty text."""
    lacks = [
        f"{amount:g} {type_} guaranteed, {there.get(type_, 0)} there"
        for type_, amount in guarantee.items()
        if amount > there.get(type_, 0)
    ]
    return "; ".join(lacks)


def _plain(milli: Mapping[str, float]) -> dict[str, float]:
    return {type_: amount / MILLI for type_, amount in sorted(milli.items()) if amount}
