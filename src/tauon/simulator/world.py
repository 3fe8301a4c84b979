"""A world that can be played again and again: the fleet, the queues, what happens, and what may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from tauon.model.ids import QueueName
from tauon.model.node import Node
from tauon.model.pool import Pool
from tauon.model.queue import DEFAULT_QUEUE, Queue
from tauon.simulator.scenario import NEVER_US, Faults, Happening, Scenario

START_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC


class World(msgspec.Struct, frozen=True, kw_only=True):
    """`happenings` gives them anew for each time that the world is played; `jobs` is how many submits there are.

    `skipped` says what was left out of a trace, and `resync_s` how often the loop takes a full look: where nothing can
    go wrong there is nothing to find by that.
    """

    name: str
    source: str
    format: str
    pools: tuple[Pool, ...]
    queues: tuple[Queue, ...] = (Queue(name=DEFAULT_QUEUE),)
    nodes: tuple[Node, ...] = ()
    happenings: Callable[[], Iterable[Happening]]
    jobs: int
    policies: tuple[str, ...] = ()
    seed: int = 0
    faults: Faults = Faults()
    start_us: int = START_US
    until_us: int = NEVER_US
    start_s: float = 0.0
    skipped: tuple[str, ...] = ()

    def scenario(self) -> Scenario:
        """The world from its beginning."""
        return Scenario(
            seed=self.seed,
            start_us=self.start_us,
            pools=self.pools,
            queues=self.queues,
            nodes=self.nodes,
            happenings=self.happenings(),
            faults=self.faults,
            start_s=self.start_s,
            resync_s=None if replace(self.faults, pauses=False) == Faults() else 30.0,  # pauses hide nothing
            until_us=self.until_us,
        )

    @property
    def accelerators(self) -> int:
        """How many accelerators its nodes have at the beginning."""
        return sum(node.shape.accelerator_count for node in self.nodes)


def queues_named(names: Sequence[str]) -> tuple[Queue, ...]:
    """Queues of equal weight, `default` among them."""
    unique = dict.fromkeys([DEFAULT_QUEUE, *(QueueName(name) for name in names if name)])
    return tuple(Queue(name=name) for name in unique)
