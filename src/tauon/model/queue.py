"""Where workloads wait: a tree of named queues, a path with slashes naming each, with what each may use."""

from __future__ import annotations

import enum
from functools import lru_cache

import msgspec

from tauon.model.budget import Budget, Spent
from tauon.model.ids import QueueName
from tauon.model.past import Past

DEFAULT_QUEUE = QueueName("default")
HALF_LIFE_S = 7 * 24 * 3600.0
MIN_RUN_S = 600.0
PATIENCE_S = 24 * 3600.0
# About five and fifty accelerator-hours: what is tried out, what runs overnight, what runs for days.
LEVELS_ACCELERATOR_S = (20_000.0, 200_000.0)


class QueueOrder(enum.StrEnum):
    """Who goes first among equally urgent workloads of one queue."""

    FIFO = "fifo"  # deadlines count
    SHORTEST = "shortest"  # the least time still to run, as predicted
    SMALLEST = "smallest"  # that times what it takes meanwhile
    LEAST_SERVED = "least-served"  # in a few levels of what it has had, then arrival
    TURNAROUND = "turnaround"  # the most completions for what it takes; what waits too long comes forward


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the queue tree; `research/vision` is a child of `research`.

    `weight` is the share among its siblings; `priority` is what a workload gets that names none. Quota: `guarantee` and
    `maximum` in thousandths of accelerators by type, for the queue and all below it, and `max_micro_usd_per_h`, the
    most that what it holds may cost (None: no limit). Without `borrow` it uses no more than its guarantee. What runs in
    it is not stopped for another queue's guarantee before it has run `min_run_s`, nor for another's turn: where
    workloads `take_turns`, what runs and can save its work gives way to what goes before it in the queue's order. In a
    `strict` queue nothing starts while what goes before it waits. Where the order goes by size, what has waited longer
    than `patience_s` (None: nothing has) goes before the rest. Where it goes by what was had, in accelerator-seconds, who
    is between two of the levels is equal. `past` and
    `spent` are folded from the journal.
    """

    name: QueueName
    weight: float = 1.0
    priority: int = 0
    guarantee: dict[str, int] = {}
    maximum: dict[str, int] = {}
    max_micro_usd_per_h: int | None = None
    borrow: bool = True
    order: QueueOrder = QueueOrder.FIFO
    strict: bool = False
    take_turns: bool = False
    patience_s: float | None = PATIENCE_S
    levels_accelerator_s: tuple[float, ...] = LEVELS_ACCELERATOR_S
    min_run_s: float = MIN_RUN_S
    half_life_s: float = HALF_LIFE_S
    budgets: tuple[Budget, ...] = ()
    past: Past = Past()
    spent: tuple[Spent, ...] = ()

    @property
    def parent(self) -> QueueName | None:
        head, _, _ = self.name.rpartition("/")
        return QueueName(head) if head else None

    @property
    def half_life_us(self) -> int:
        return max(1, round(self.half_life_s * 1e6))


@lru_cache(maxsize=1 << 14)
def path(queue: QueueName) -> tuple[QueueName, ...]:
    """A queue and all above it, the topmost first."""
    parts = queue.split("/")
    return tuple(QueueName("/".join(parts[: i + 1])) for i in range(len(parts)))
