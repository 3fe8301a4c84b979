"""The index of what budgeted queues spend: the rate of each with all below it, kept as work comes and goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from tauon.model.budget import Budget, Spent
from tauon.model.ids import QueueName
from tauon.model.queue import Queue, path


class Rate(NamedTuple):
    """Atoms of money an hour, and thousandths of accelerators."""

    atoms_per_h: int = 0
    milli: int = 0


class Purse:
    """Only the holdings change this."""

    def __init__(self) -> None:
        self.rates: dict[QueueName, Rate] = {}  # of queues that have a budget

    def watch(self, queue: Queue, rates: Mapping[QueueName, Rate]) -> None:
        """Watch a queue that has budgets, or no longer one that has none; `rates` are each queue's own."""
        self.rates.pop(queue.name, None)
        if queue.budgets:
            own = [rate for name, rate in rates.items() if queue.name in path(name)]
            self.rates[queue.name] = Rate(sum(r.atoms_per_h for r in own), sum(r.milli for r in own))

    def above(self, queue: QueueName) -> Iterator[QueueName]:
        """The queues with a budget that work in this one is charged to."""
        if self.rates:
            for name in path(queue):
                if name in self.rates:
                    yield name

    def change(self, queue: QueueName, atoms_per_h: int, milli: int) -> None:
        """What work in a queue costs has changed by this much."""
        for name in self.above(queue):
            rate = self.rates[name]
            self.rates[name] = Rate(rate.atoms_per_h + atoms_per_h, rate.milli + milli)

    def settled(self, queue: Queue, at_us: int) -> Queue:
        """A queue with what it has spent up to a time."""
        rate = self.rates[queue.name]
        return replace(queue, spent=tuple(spent.until(at_us, *rate) for spent in queue.spent))


def renewed(queue: Queue, known: Queue | None, at_us: int) -> Queue:
    """A queue's new settings with what it has spent so far; a period that was not watched before begins now with nothing."""
    before = {spent.period: spent for spent in known.spent} if known else {spent.period: spent for spent in queue.spent}
    periods = dict.fromkeys(budget.period for budget in queue.budgets)
    return replace(queue, spent=tuple(before.get(p) or Spent(period=p, at_us=at_us) for p in periods))


def spent_of(queue: Queue, budget: Budget) -> Spent | None:
    """What counts against a budget, up to when it was last settled."""
    return next((spent for spent in queue.spent if spent.period is budget.period), None)
