"""An engine that does and answers exactly what a test tells it, and a site on which the loop's steps are tried."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from msgspec.structs import replace

from tauon.model.cluster import Cluster
from tauon.model.errors import ProviderError
from tauon.model.event import Event, JobCancelled, JobSubmitted, PoolConfigured, QueueConfigured
from tauon.model.ids import AttemptId, NodeId, OfferId, PoolName
from tauon.model.job import Job
from tauon.model.money import Rates
from tauon.model.node import Node
from tauon.model.offer import Offer
from tauon.model.plan import Plan
from tauon.model.pool import Capabilities
from tauon.ports.journal import Journal
from tauon.ports.providers import (
    AcceleratorUse,
    AttemptObserved,
    AttemptsObserved,
    Ending,
    LaunchOrder,
    LogChunk,
    NodeRefusal,
    NodesObserved,
    NodeSource,
    OffersObserved,
    Phase,
    ProcessUse,
    Provider,
    Refusal,
    SpotNotice,
    StartOrder,
    StopOrder,
)
from tauon.reconciler.cycle import cycle
from tauon.reconciler.journal import InlineJournal
from tauon.reconciler.memory_store import MemoryStore
from tauon.reconciler.site import OpenPool, Site
from tauon.simulator.nothing import NoSecrets
from tests.builders import SECOND_US, a_job, a_node, a_pool, a_queue
from tests.clocks import ManualClock


class ScriptedEngine(Provider):
    """Implements `ports.providers.Provider`: takes every order unless told to refuse, and never does a thing by itself."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes
        self.attempts: dict[AttemptId, AttemptObserved] = {}
        self.news: list[AttemptObserved] = []
        self.refusals: dict[AttemptId, ProviderError] = {}
        self.stop_refusals: dict[AttemptId, ProviderError] = {}
        self.silent: ProviderError | None = None
        self.breaks: ProviderError | None = None  # raised by orders, after they were taken
        self.takes_nothing = False
        self.starts: list[AttemptId] = []
        self.stops: list[StopOrder] = []
        self.forgotten: list[AttemptId] = []
        self.cursors: list[str] = []

    def tell(self, attempt: str, phase: Phase, ending: Ending | None = None, *codes: int, message: str = "") -> None:
        """Let news of an attempt be known at the next look."""
        seen = AttemptObserved(id=AttemptId(attempt), phase=phase, ending=ending, exit_codes=codes, message=message)
        self.attempts[seen.id] = seen
        self.news.append(seen)

    def capabilities(self) -> Capabilities:
        return Capabilities(shares_accelerators=True, gives_notice=True)

    async def observe_nodes(self) -> NodesObserved:
        if self.silent:
            raise self.silent
        return NodesObserved(nodes=self.nodes)

    async def observe(self, cursor: str) -> AttemptsObserved:
        self.cursors.append(cursor)
        news, self.news = self.news, []
        if not cursor:
            return AttemptsObserved(attempts=tuple(self.attempts.values()), is_full=True, cursor="next")
        return AttemptsObserved(attempts=tuple(news), is_full=False, cursor="next")

    async def start(self, orders: Sequence[StartOrder]) -> Sequence[Refusal]:
        refused = []
        for order in orders:
            attempt = order.attempt.id
            self.starts.append(attempt)
            if attempt in self.refusals:
                refused.append(Refusal(attempt=attempt, error=self.refusals[attempt]))
            elif not self.takes_nothing:
                self.attempts.setdefault(attempt, AttemptObserved(id=attempt, phase=Phase.STARTING))
        if self.breaks:
            raise self.breaks
        return refused

    async def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        self.stops += orders
        if self.breaks:
            raise self.breaks
        refused = self.stop_refusals
        return [Refusal(attempt=o.attempt, error=refused[o.attempt]) for o in orders if o.attempt in refused]

    async def forget(self, attempt: AttemptId) -> None:
        self.forgotten.append(attempt)
        self.attempts.pop(attempt, None)

    async def logs(self, attempt: AttemptId, *, rank: int, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
        chunks: Sequence[LogChunk] = ()
        for chunk in chunks:
            yield chunk

    def sample(self) -> Sequence[AcceleratorUse]:
        return ()

    def usage(self) -> Sequence[ProcessUse]:
        return ()

    async def close(self) -> None:
        """Nothing is to be let go."""


class Market(NodeSource):
    """Sells nodes as a test tells it to."""

    def __init__(self, *offers: Offer) -> None:
        self.lists(*offers)
        self.machines: dict[NodeId, Node] = {}
        self.orders: list[LaunchOrder] = []
        self.terminated: list[NodeId] = []
        self.refuses: dict[OfferId, ProviderError] = {}
        self.notices: tuple[SpotNotice, ...] = ()
        self.never_come: tuple[NodeRefusal, ...] = ()
        self.silent: ProviderError | None = None
        self.loses_replies: ProviderError | None = None

    def lists(self, *offers: Offer) -> None:
        self._offers = OffersObserved(offers=offers)

    def boots(self, node: NodeId) -> None:
        """A machine that was ordered is there."""
        order = next(order for order in self.orders if order.node == node)
        self.machines[node] = Node(id=node, shape=order.shape, offer=order.offer)

    def reprices(self, node: NodeId, rates: Rates) -> None:
        machine = self.machines[node]
        self.machines[node] = replace(machine, shape=replace(machine.shape, rates=rates))

    async def observe_nodes(self) -> NodesObserved:
        if self.silent:
            raise self.silent
        return NodesObserved(nodes=tuple(self.machines.values()), notices=self.notices, refused=self.never_come)

    async def offers(self) -> OffersObserved:
        return self._offers

    async def launch(self, orders: Sequence[LaunchOrder]) -> Sequence[NodeRefusal]:
        self.orders += orders
        if self.loses_replies:
            raise self.loses_replies
        refused = self.refuses
        return [NodeRefusal(node=o.node, error=refused[o.offer]) for o in orders if o.offer in refused]

    async def terminate(self, nodes: Sequence[NodeId]) -> Sequence[NodeRefusal]:
        for node in nodes:
            self.terminated.append(node)
            self.machines.pop(node, None)
        return ()

    def sample(self) -> Sequence[AcceleratorUse]:
        return ()

    async def close(self) -> None:
        """Nothing is to be let go."""


class Yard:
    """A site with one pool, `lab`, whose engine does as it is told."""

    def __init__(self, *nodes: Node, store: MemoryStore | None = None, journal: Journal | None = None) -> None:
        self.clock = ManualClock()
        self.store = store or MemoryStore()
        self.journal: Journal = journal or InlineJournal(store=self.store, clock=self.clock)
        self.engine = ScriptedEngine(*(nodes or (a_node(),)))
        self.logged: list[str] = []
        self.market: Market | None = None
        if not self.cluster.pools:
            self.journal.append([PoolConfigured(pool=a_pool()), QueueConfigured(queue=a_queue())])
        self.site = self.a_site()

    def a_site(self) -> Site:
        """The loop's memory as it is after a start of the server."""
        return Site(
            journal=self.journal,
            clock=self.clock,
            pools=[OpenPool(PoolName("lab"), self.market or self.engine, self.engine)],
            secrets=NoSecrets(),
            log=self.logged.append,
        )

    def trade(self, market: Market) -> None:
        """From now on the pool's nodes are bought."""
        self.market = market
        self.site = self.a_site()

    def ends(self, attempt: AttemptId) -> None:
        """An attempt exits with 0."""
        self.engine.tell(attempt, Phase.ENDED, Ending.EXITED, 0)

    def cancel(self, job: Job) -> None:
        """A waiting job is cancelled."""
        self.journal.append([JobCancelled(job_id=job.id, by="ada")])

    @property
    def cluster(self) -> Cluster:
        return self.journal.cluster

    @property
    def pool(self) -> OpenPool:
        return self.site.pools[PoolName("lab")]

    def submit(self, **fields: Any) -> Job:
        number = self.cluster.jobs_submitted + 1
        job = a_job(number, submitted_at_us=self.clock.now_us(), **fields)
        self.journal.append([JobSubmitted(job=job)])
        return job

    async def cycle(self) -> Plan:
        return await cycle(self.site)

    async def running(self, **fields: Any) -> Job:
        """A job that runs."""
        job = self.submit(**fields)
        await self.cycle()
        live = self.cluster.jobs[job.id].attempt
        assert live is not None, "there is no place for it"
        self.engine.tell(live, Phase.RUNNING)
        await self.cycle()
        return self.cluster.jobs[job.id]

    def wait(self, seconds: float) -> None:
        self.clock.time_us += round(seconds * SECOND_US)

    def due_s(self) -> float:
        """How long until the next cycle is due by itself."""
        return (self.site.next_cycle_us() - self.clock.now_us()) / SECOND_US

    def events(self, after: int = 0) -> list[Event]:
        return self.store.events(after=after)

    def told(self, after: int = 0) -> list[str]:
        """The kinds of events after a position."""
        return [event.type for event in self.events(after)]
