"""What the loop remembers between two cycles: each pool's ports, where it stopped reading, and which orders are owed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tauon.forecast.experience import Experience
from tauon.model.attempt import AttemptState
from tauon.model.ids import AttemptId, NodeId, OfferId, PoolName
from tauon.model.market import PoolOffers
from tauon.model.node import Node, NodeState
from tauon.model.outlook import Outlook
from tauon.model.packing import PackingRule
from tauon.model.plan import Plan
from tauon.ports.clock import Clock
from tauon.ports.files import SecretStore
from tauon.ports.journal import Journal
from tauon.ports.providers import NO_OFFERS, JobRunner, NodeProvider

RESYNC_US = 30_000_000
CLOSED_LOOK_US = 2_000_000


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
        self.unsure: dict[AttemptId, None] = {}  # stopped while its start was owed: it may never have been taken
        self.forgets: dict[AttemptId, None] = {}
        self.launches: dict[NodeId, int] = {}
        self.terminations: dict[NodeId, int] = {}
        self.seen_offers = NO_OFFERS
        self.offers = PoolOffers(())
        self.sold_out: dict[OfferId, int] = {}  # until when nobody asks for it
        self.sold_out_times: dict[OfferId, int] = {}  # how often in a row it had nothing


class Site:
    """Everything that a cycle works with. `resync_us` is how often a full look is taken even if nothing is amiss."""

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        pools: Iterable[OpenPool],
        secrets: SecretStore,
        log: Callable[[str], None],
        resync_us: int = RESYNC_US,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.pools = {pool.name: pool for pool in pools}
        self.secrets = secrets
        self.log = log
        self.resync_us = resync_us
        self.experience = Experience()
        self.outlook: Outlook = self.experience
        self.packing = PackingRule.LEAST_STRANDED
        self.owe_all()

    def owe_all(self) -> None:
        """Begin anew from the journal alone, as after a start: every order not seen to be obeyed is owed."""
        self.plan = Plan(seq=0, at_us=0)
        self.decided_seq = -1
        self._cluster = self.journal.cluster
        for pool in self.pools.values():
            pool.forget_all()
        for attempt in self.journal.cluster.attempts.values():
            self.owe(attempt.id, attempt.pool, attempt.state)
        for node_id in self.journal.cluster.bought:
            self.owe_node(self.journal.cluster.nodes[node_id])

    def keep_up(self) -> None:
        """Begin anew if the journal had to go back to what its disk has: what is remembered may never have been."""
        if self.journal.cluster is not self._cluster:
            self.owe_all()

    def learn(self) -> None:
        """Learn from what has become durable since: how long jobs take.

        By the start of a cycle all placements of the last one are durable and none of them can have ended in this one,
        so that the jobs are still there to be looked up.
        """
        experience, cluster = self.experience, self.journal.cluster
        events = self.journal.recent(experience.seq)
        if events is None:  # more has come since than is kept, as when very many jobs are submitted at once
            experience.go_on_from(cluster)
            return
        for event in events:
            experience.follow(event, cluster.jobs)

    def remember(self, experience: Experience) -> None:
        """Take over what was learnt from the journal as it was some time ago, and go on from there."""
        if self.outlook is self.experience:
            self.outlook = experience
        self.experience = experience
        self.learn()
        experience.adopt(self.journal.cluster)

    def now_us(self) -> int:
        """The present, never before the last event: a clock may be set back, the journal's time is not."""
        return max(self.clock.now_us(), self.journal.cluster.at_us)

    def next_cycle_us(self) -> int:
        """When the next cycle is due even if nothing happens: at once, if facts came after the last decision."""
        now_us = self.clock.now_us()
        if self.journal.cluster.seq != self.decided_seq:
            return now_us
        due_us = now_us + self.resync_us
        if self.plan.next_look_us is not None:
            due_us = min(due_us, self.plan.next_look_us)
        for pool in self.pools.values():
            if pool.closed:
                due_us = min(due_us, now_us + CLOSED_LOOK_US)
                continue
            due_us = min(due_us, pool.full_look_at_us)
            for owed in (pool.starts, pool.stops, pool.condemned, pool.launches, pool.terminations):
                if owed:
                    due_us = min(due_us, *owed.values())
        return due_us

    def owe(self, attempt: AttemptId, pool_name: PoolName, state: AttemptState) -> None:
        """Note the order that an attempt's state calls for."""
        pool = self.pools.get(pool_name)
        if pool is None:
            return
        if state is AttemptState.STARTING:
            pool.starts.setdefault(attempt, 0)
        elif state is AttemptState.STOPPING:
            if attempt in pool.starts:
                del pool.starts[attempt]
                pool.unsure[attempt] = None
            pool.stops.setdefault(attempt, 0)

    def owe_node(self, node: Node) -> None:
        """Note the order that a bought node's state calls for."""
        pool = self.pools.get(node.pool)
        if pool is None:
            return
        if node.state is NodeState.REQUESTED:
            pool.launches.setdefault(node.id, 0)
        elif node.is_released:
            pool.launches.pop(node.id, None)
            pool.terminations.setdefault(node.id, 0)

    def settle_orders(self, attempt: AttemptId, pool_name: PoolName) -> None:
        """Nothing is owed any more for an attempt that has ended, but to let go of it."""
        pool = self.pools.get(pool_name)
        if pool is not None:
            pool.starts.pop(attempt, None)
            pool.stops.pop(attempt, None)
            pool.unsure.pop(attempt, None)
            pool.forgets[attempt] = None
