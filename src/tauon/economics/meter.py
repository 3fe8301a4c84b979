"""The meter: folds the journal, event by event, into the lines of the ledger; it needs nothing but the events."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tauon.model.attempt import Attempt
from tauon.model.errors import InvariantViolated
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    Event,
    Fact,
    JobCancelled,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    NodeLost,
    NodeReady,
    NodeTerminated,
    PoolConfigured,
    PoolRemoved,
)
from tauon.model.ledger import Entry, EntryKind, atoms_per_us
from tauon.model.money import SHARES_PER_UNIT, usd_per_h_to_micro
from tauon.model.node import NodeShape
from tauon.model.pool import Pool
from tauon.model.resources import MILLI, Resources

OVERHEAD = "overhead"  # the part of a pool's prices that it costs beside its nodes


class Owner(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whom a job's use is charged to; jobs of the same owner share one value."""

    queue: str
    user: str
    labels: dict[str, str] = {}


class _Node(msgspec.Struct, kw_only=True):
    shape: NodeShape
    from_us: int  # since when its present price holds
    attempts: dict[str, None] = {}


class _Held(msgspec.Struct, kw_only=True):
    """What a live attempt holds: amounts by node, and since when at the present price."""

    job: str
    parts: dict[str, Resources]
    since: dict[str, int] = {}
    from_us: int


class _Pool(msgspec.Struct, kw_only=True):
    provider: str
    overhead_micro_usd: int
    from_us: int


class State(msgspec.Struct, kw_only=True):
    """All that the fold must remember between two events: it can be kept and taken up again."""

    seq: int = 0
    at_us: int = 0
    pools: dict[str, _Pool] = {}
    nodes: dict[str, _Node] = {}
    held: dict[str, _Held] = {}
    jobs: dict[str, tuple[str, Owner]] = {}


class Meter:
    """Folds events into entries, which `take` hands over. An event that was folded already changes nothing.

    Time never runs backwards here: when the journal's clock was set back, what happens in between counts as no time,
    and nothing is charged twice.
    """

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self._closed: list[Entry] = []

    @property
    def seq(self) -> int:
        return self.state.seq

    def take(self) -> list[Entry]:
        """The entries closed since the last call."""
        closed, self._closed = self._closed, []
        return closed

    def apply(self, event: Event) -> None:
        """Fold one event. Raises InvariantViolated at one that does not follow: some are missing between."""
        state = self.state
        if event.seq <= state.seq:
            return
        if event.seq != state.seq + 1:
            raise InvariantViolated(f"the ledger can't go on with event {event.seq}: it has seen {state.seq} so far")
        if event.at_us > state.at_us:
            state.at_us = event.at_us
        self._fold(event.fact, state.at_us)
        state.seq = event.seq

    def open_entries(self, to_us: int) -> Iterator[Entry]:
        """What is held and there now, as if it ended at `to_us`."""
        for attempt, held in self.state.held.items():
            for place in held.parts:
                yield from _some(self._work(attempt, held, place, to_us))
        for name, node in self.state.nodes.items():
            yield from _some(self._asset(name, node, to_us))
        for name, pool in self.state.pools.items():
            yield from _some(_overhead(name, pool, to_us))

    def _fold(self, fact: Fact, at_us: int) -> None:  # the commonest first
        match fact:
            case AttemptPlaced():
                self._placed(fact.attempt, at_us)
            case AttemptEnded():
                self._ended(fact.attempt_id, at_us)
            case JobSubmitted():
                job = fact.job
                owner = Owner(queue=job.queue, user=job.user, labels=job.labels)
                self.state.jobs[job.id] = (job.name, owner)
            case JobSucceeded() | JobFailed() | JobCancelled():
                self.state.jobs.pop(fact.job_id, None)
            case NodeReady():
                self._ready(fact.node.id, fact.node.shape, at_us)
            case NodeTerminated() | NodeLost():
                self._gone(fact.node_id, at_us)
            case PoolConfigured():
                self._configured(fact.pool, at_us)
            case PoolRemoved():
                self._close_pool(fact.name, at_us)
            case _:
                pass  # costs nothing

    def _placed(self, attempt: Attempt, at_us: int) -> None:
        parts = amounts_by_node(attempt)
        self.state.held[attempt.id] = _Held(job=attempt.job, parts=parts, from_us=at_us)
        nodes = self.state.nodes
        for node in parts:
            if node in nodes:
                nodes[node].attempts[attempt.id] = None

    def _ended(self, attempt: str, at_us: int) -> None:
        held = self.state.held.pop(attempt, None)
        if held is None:
            return
        nodes = self.state.nodes
        for node in held.parts:
            if node in nodes:
                entry = self._work(attempt, held, node, at_us)
                if entry is not None:
                    self._closed.append(entry)
                nodes[node].attempts.pop(attempt, None)

    def _ready(self, name: str, shape: NodeShape, at_us: int) -> None:
        """A node is there, or has other amounts or prices from now on: those who hold it are charged for both times."""
        node = self.state.nodes.get(name)
        if node is None:
            self.state.nodes[name] = _Node(shape=shape, from_us=at_us)
            return
        if node.shape == shape:
            return
        for attempt in node.attempts:
            held = self.state.held[attempt]
            self._closed += _some(self._work(attempt, held, name, at_us))
            held.since[name] = at_us
        self._closed += _some(self._asset(name, node, at_us))
        node.shape, node.from_us = shape, at_us

    def _gone(self, name: str, at_us: int) -> None:
        """A node that never was ready is not known here: nobody is charged for it."""
        node = self.state.nodes.get(name)
        if node is None:
            return
        for attempt in list(node.attempts):
            held = self.state.held[attempt]
            self._closed += _some(self._work(attempt, held, name, at_us))
            held.parts.pop(name)
        self._closed += _some(self._asset(name, node, at_us))
        del self.state.nodes[name]

    def _configured(self, pool: Pool, at_us: int) -> None:
        self._close_pool(pool.name, at_us)
        overhead = usd_per_h_to_micro(pool.prices_usd_per_h.get(OVERHEAD, "0"))
        self.state.pools[pool.name] = _Pool(provider=pool.provider, overhead_micro_usd=overhead, from_us=at_us)

    def _close_pool(self, name: str, at_us: int) -> None:
        pool = self.state.pools.pop(name, None)
        if pool is not None:
            self._closed += _some(_overhead(name, pool, at_us))

    def _work(self, attempt: str, held: _Held, node: str, to_us: int) -> Entry | None:
        from_us = held.since.get(node, held.from_us)
        if to_us <= from_us:
            return None
        shape, amounts = self.state.nodes[node].shape, held.parts[node]
        name, owner = self.state.jobs[held.job]
        rates = shape.rates
        return Entry(
            kind=EntryKind.WORK,
            pool=shape.pool,
            provider=self._provider(shape.pool),
            region=shape.region,
            capacity_type=shape.capacity_type,
            node=node,
            accelerator=shape.accelerator,
            job=held.job,
            name=name,
            attempt=attempt,
            queue=owner.queue,
            user=owner.user,
            labels=owner.labels,
            accelerator_milli=amounts.accelerator_milli,
            cpu_milli=amounts.cpu_milli,
            memory_mib=amounts.memory_mib,
            accelerator_micro_usd=rates.accelerator_micro_usd,
            cpu_micro_usd=rates.cpu_micro_usd,
            memory_gib_micro_usd=rates.memory_gib_micro_usd,
            atoms_per_us=atoms_per_us(rates, amounts),
            from_us=from_us,
            to_us=to_us,
        )

    def _asset(self, name: str, node: _Node, to_us: int) -> Entry | None:
        if to_us <= node.from_us:
            return None
        shape = node.shape
        whole, rates = shape.capacity, shape.rates
        return Entry(
            kind=EntryKind.ASSET,
            pool=shape.pool,
            provider=self._provider(shape.pool),
            region=shape.region,
            capacity_type=shape.capacity_type,
            node=name,
            accelerator=shape.accelerator,
            accelerator_milli=whole.accelerator_milli,
            cpu_milli=whole.cpu_milli,
            memory_mib=whole.memory_mib,
            accelerator_micro_usd=rates.accelerator_micro_usd,
            cpu_micro_usd=rates.cpu_micro_usd,
            memory_gib_micro_usd=rates.memory_gib_micro_usd,
            atoms_per_us=atoms_per_us(rates, whole),
            from_us=node.from_us,
            to_us=to_us,
        )

    def _provider(self, pool: str) -> str:
        found = self.state.pools.get(pool)
        return found.provider if found else ""


def amounts_by_node(attempt: Attempt) -> dict[str, Resources]:
    """What an attempt holds on each of its nodes: all that it asked for, whether it uses it or not."""
    found: dict[str, Resources] = {}
    each = attempt.resources
    for worker in attempt.placement:
        milli = len(worker.accelerators) * min(worker.share_milli, MILLI)
        if milli == each.accelerator_milli:
            amounts = each
        else:
            amounts = Resources(accelerator_milli=milli, cpu_milli=each.cpu_milli, memory_mib=each.memory_mib)
        found[worker.node] = found[worker.node] + amounts if worker.node in found else amounts
    return found


def _overhead(name: str, pool: _Pool, to_us: int) -> Entry | None:
    if not pool.overhead_micro_usd or to_us <= pool.from_us:
        return None
    atoms = pool.overhead_micro_usd * SHARES_PER_UNIT
    return Entry(
        kind=EntryKind.OVERHEAD,
        pool=name,
        provider=pool.provider,
        atoms_per_us=atoms,
        from_us=pool.from_us,
        to_us=to_us,
    )


def _some(entry: Entry | None) -> tuple[Entry, ...]:
    return () if entry is None else (entry,)
