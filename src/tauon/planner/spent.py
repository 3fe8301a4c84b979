"""What is spent of every budget at a time, and which queues have nothing left."""

from __future__ import annotations

from collections.abc import Iterator

from tauon.model.budget import Budget, Spent
from tauon.model.cluster import Cluster
from tauon.model.ids import QueueName
from tauon.model.purse import Rate, spent_of
from tauon.model.queue import Queue


def budgets(cluster: Cluster, at_us: int) -> Iterator[tuple[Queue, Budget, Spent, Rate]]:
    """Every budget, with what is spent of it at a time and the rate at which that goes on."""
    for name, rate in cluster.holdings.purse.rates.items():
        queue = cluster.queues[name]
        for budget in queue.budgets:
            spent = spent_of(queue, budget)
            if spent is not None:
                yield queue, budget, spent.until(at_us, *rate), rate


def spent_out(cluster: Cluster, at_us: int) -> dict[QueueName, str]:
    """The queues with a hard budget of which nothing is left, with the reason in words."""
    found: dict[QueueName, str] = {}
    for queue, budget, spent, _ in budgets(cluster, at_us):
        if budget.hard and budget.is_spent(spent):
            found.setdefault(queue.name, f"queue {queue.name} has spent its budget: {budget.text(spent)}")
    return found
