"""What the loop remembers between two cycles: each pool's ports, where it stopped reading, and which orders are owed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tauon.model.attempt import AttemptState
from tauon.model.ids import AttemptId, PoolName
from tauon.model.node import Node
from tauon.model.plan import Plan
from tauon.ports.clock import Clock
from tauon.ports.files import SecretStore
from tauon.ports.journal import Journal
from tauon.ports.providers import JobRunner, NodeProvider

RESYNC_US = 30_000_000


class OpenPool:
    """One pool's ports and the loop's memory of it. All of it may be forgotten: a full look brings it back."""

    def __init__(self, name: PoolName, nodes: NodeProvider, jobs: JobRunner) -> None:
        self.name = name
        self.nodes = nodes
        self.jobs = jobs
        self.forget_all()

    def forget_all(self) -> None:
        """Make the next look a full one."""
        self.cursor = ""
        self.full_look_at_us = 0
        self.seen_nodes: tuple[Node, ...] | None = None
        self.closed = ""
        self.starts: dict[AttemptId, int] = {}  # owed orders, with the time before which not to try
        self.stops: dict[AttemptId, int] = {}
        self.condemned: dict[AttemptId, int] = {}  # runs there, but not in our journal
        self.forgets: dict[AttemptId, None] = {}


class Site:
    """Everything that a cycle works with."""

    def __init__(
        self, *, journal: Journal, clock: Clock, pools: Iterable[OpenPool], secrets: SecretStore, log: Callable[[str], None]
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.pools = {pool.name: pool for pool in pools}
        self.secrets = secrets
        self.log = log
        self.plan = Plan(seq=0, at_us=0)
        self.owe_all()

    def owe_all(self) -> None:
        """Begin anew from the journal alone, as after a start: every order not seen to be obeyed is owed."""
        for pool in self.pools.values():
            pool.forget_all()
        for attempt in self.journal.cluster.attempts.values():
            self.owe(attempt.id, attempt.pool, attempt.state)

    def owe(self, attempt: AttemptId, pool_name: PoolName, state: AttemptState) -> None:
        """Note the order that an attempt's state calls for."""
        pool = self.pools.get(pool_name)
        if pool is None:
            return
        if state is AttemptState.STARTING:
            pool.starts.setdefault(attempt, 0)
        elif state is AttemptState.STOPPING:
            pool.starts.pop(attempt, None)
            pool.stops.setdefault(attempt, 0)

    def settle_orders(self, attempt: AttemptId, pool_name: PoolName) -> None:
        """Nothing is owed any more for an attempt that has ended, but to let go of it."""
        pool = self.pools.get(pool_name)
        if pool is not None:
            pool.starts.pop(attempt, None)
            pool.stops.pop(attempt, None)
            pool.forgets[attempt] = None
