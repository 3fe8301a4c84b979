"""A simulated engine: it implements the provider's port over executions under the virtual clock, and errs by seed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from tauon.model.errors import NotReady, OutOfCapacity, ProviderError
from tauon.model.ids import AttemptId, NodeId, PoolName
from tauon.model.node import Node
from tauon.model.pool import Capabilities
from tauon.ports.providers import (
    AcceleratorUse,
    AttemptObserved,
    AttemptsObserved,
    LogChunk,
    NodeRefusal,
    NodesObserved,
    Phase,
    ProcessUse,
    Provider,
    Refusal,
    StartOrder,
    StopOrder,
)
from tauon.simulator.chance import Chance
from tauon.simulator.clock import VirtualClock
from tauon.simulator.execution import Execution
from tauon.simulator.labour import Labour
from tauon.simulator.scenario import Faults

RETRY_S = 5.0
ABLE = Capabilities(shares_accelerators=True, gives_notice=True, limits_cpu=True, limits_memory=True)


class SimProvider(Provider):
    """Implements `ports.providers.Provider`. What it tells may be late, doubled or lost; a full look is complete."""

    def __init__(
        self, pool: PoolName, *, labour: Labour, clock: VirtualClock, chance: Chance, faults: Faults, start_s: float
    ) -> None:
        self.pool = pool
        self.wake: Callable[[], None] = lambda: None
        self._labour = labour
        self._clock = clock
        self._chance = chance
        self._faults = faults
        self._start_us = round(start_s * 1e6)
        self._nodes: dict[NodeId, Node] = {}
        self._listing: NodesObserved | None = None
        self._executions: dict[AttemptId, Execution] = {}
        self._told: dict[AttemptId, AttemptObserved] = {}  # what can be known of each by now
        self._lives: dict[AttemptId, int] = {}  # tells one taken anew from one that was lost
        self._news: list[AttemptObserved] = []
        self._last_news_us = 0
        self._gone: set[AttemptId] = set()
        self._calls = 0

    # ------------------------------------------------------------- what happens to it

    def node_appears(self, node: Node) -> None:
        """A node is there, or has other values from now on."""
        if node.id not in self._nodes:
            self._find_the_dead(node.id)
        self._nodes[node.id] = node
        self._listing = None
        if self._faults.node_lasts_s:
            self._count_down(node)
        self.wake()

    def pause(self, passed_us: int) -> None:
        """Something happens that time has passed until: see `Faults.pauses`."""
        for execution in self._executions.values():
            execution.pause(passed_us)

    def _find_the_dead(self, node: NodeId) -> None:
        """A node that is back knows nothing of its workers, so their engine learns of it, if it had not before."""
        for execution in list(self._executions.values()):
            if any(worker.node == node for worker in execution.attempt.placement):
                execution.report_loss()

    def _count_down(self, node: Node) -> None:
        now_us = self._clock.now_us()
        lasts_s = self._chance.exponential(self._faults.node_lasts_s, "lasts", node.id, now_us)

        def vanish() -> None:
            if self._nodes.get(node.id) is node:
                self.node_vanishes(node.id)
                away_us = round(self._faults.node_repair_s * 1e6)
                self._clock.at(self._clock.now_us() + away_us, lambda: self.node_appears(node))

        self._clock.at(now_us + round(lasts_s * 1e6), vanish)

    def node_vanishes(self, node: NodeId) -> None:
        """A node is gone, with the processes on it."""
        if self._nodes.pop(node, None) is None:
            return
        self._listing = None
        for execution in list(self._executions.values()):
            workers = [worker.node for worker in execution.attempt.placement]
            if node in workers and execution.phase is not Phase.ENDED:
                remain = sum(worker in self._nodes for worker in workers)
                execution.lose(node, remain=remain)
                self._after_loss(execution, remain)
        self.wake()

    def _after_loss(self, execution: Execution, remain: int) -> None:
        """Some engines tell of what they lost, and some know nothing of it any more."""
        attempt = execution.attempt.id
        if not self._chance.happens(0.5, "tells of its loss", attempt):
            if not remain:
                self._drop(attempt)
                self._gone.discard(attempt)  # it could take it anew
                self._labour.allow_again(attempt)
        elif remain:
            self._clock.at(self._clock.now_us() + round(RETRY_S * 1e6), execution.report_loss)

    def _drop(self, attempt: AttemptId) -> None:
        self._executions.pop(attempt, None)
        self._told.pop(attempt, None)
        self._lives.pop(attempt, None)
        self._gone.add(attempt)

    def _publish(self, life: int, seen: AttemptObserved) -> None:
        """Let news be known; it may take a while, but a later one never comes before an earlier one."""
        if not self._faults.late_s or seen.id not in self._told:
            self._learn(life, seen)
            return
        late_us = round(self._chance.unit("late", seen.id, seen.phase) * self._faults.late_s * 1e6)
        at_us = max(self._last_news_us, self._clock.now_us() + late_us)
        self._last_news_us = at_us
        self._clock.at(at_us, lambda: self._learn(life, seen))

    def _learn(self, life: int, seen: AttemptObserved) -> None:
        if self._lives.get(seen.id) == life:
            self._told[seen.id] = seen
            self._news.append(seen)
            if seen.phase is not Phase.STARTING:  # that is no news to who ordered it
                self.wake()

    # ------------------------------------------------------------- the port

    def capabilities(self) -> Capabilities:
        return ABLE

    async def observe_nodes(self) -> NodesObserved:
        self._may_not_answer("nodes")
        if self._listing is None:
            self._listing = NodesObserved(nodes=tuple(self._nodes.values()))
        return self._listing

    async def terminate(self, nodes: Sequence[NodeId]) -> Sequence[NodeRefusal]:
        for node in nodes:
            self.node_vanishes(node)
        return ()

    async def observe(self, cursor: str) -> AttemptsObserved:
        self._may_not_answer("attempts")
        now = str(len(self._news))
        if not cursor or self._chance.happens(self._faults.amnesia, "amnesia", self.pool, self._calls):
            return AttemptsObserved(attempts=tuple(self._told.values()), is_full=True, cursor=now)
        since = int(cursor)
        news = self._news[since:]
        if self._chance.happens(self._faults.doubled, "doubled", self.pool, self._calls):
            news = self._news[max(0, since - 3) :] + news
        return AttemptsObserved(attempts=tuple(news), is_full=False, cursor=now)

    async def start(self, orders: Sequence[StartOrder]) -> Sequence[Refusal]:
        lost = self._loses_reply("start")
        refused = []
        for order in orders[: None if lost is None else round(lost * len(orders))]:
            refusal = self._take(order)
            if refusal is not None:
                refused.append(Refusal(attempt=order.attempt.id, error=refusal))
        if lost is not None:
            raise NotReady(f"no reply from {self.pool}", retry_after_s=RETRY_S)
        return refused

    def _take(self, order: StartOrder) -> ProviderError | None:
        attempt = order.attempt
        if attempt.id in self._executions or attempt.id in self._gone:
            return None
        now_us, faults = self._clock.now_us(), self._faults
        if self._chance.happens(faults.not_ready, "not ready", attempt.id, now_us):
            return NotReady(f"{self.pool} is busy", retry_after_s=RETRY_S)
        if self._chance.happens(faults.refused, "refused", attempt.id):
            return OutOfCapacity(f"{self.pool} has nothing left", until_us=now_us)
        if any(worker.node not in self._nodes for worker in attempt.placement):
            return NotReady(f"{self.pool} has lost a node of it", retry_after_s=RETRY_S)
        self._labour.meet(order.job)
        self._lives[attempt.id] = life = len(self._news)
        execution = Execution(
            attempt, self._labour, self._clock, partial(self._publish, life), pauses=self._faults.pauses
        )
        self._executions[attempt.id] = execution
        if self._chance.happens(faults.start_fails, "start fails", attempt.id):
            execution.fail_to_start_at(now_us + self._start_us, "its image could not be fetched")
        else:
            execution.start_at(now_us + self._start_us)
        return None

    async def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        lost = self._loses_reply("stop")
        for order in orders[: None if lost is None else round(lost * len(orders))]:
            execution = self._executions.get(order.attempt)
            if execution is not None:
                execution.stop(order)
        if lost is not None:
            raise NotReady(f"no reply from {self.pool}", retry_after_s=RETRY_S)
        return ()

    async def forget(self, attempt: AttemptId) -> None:
        execution = self._executions.get(attempt)
        if execution is None or execution.phase is Phase.ENDED:
            self._drop(attempt)

    async def logs(self, attempt: AttemptId, *, rank: int, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
        del attempt, rank, offset, follow  # simulated work has no output
        written: Sequence[LogChunk] = ()
        for chunk in written:
            yield chunk

    def sample(self) -> Sequence[AcceleratorUse]:
        return ()

    def usage(self) -> Sequence[ProcessUse]:
        return ()

    async def close(self) -> None:
        """Nothing is to be let go."""

    # ------------------------------------------------------------- faults

    def _may_not_answer(self, what: str) -> None:
        self._calls += 1
        if self._chance.happens(self._faults.no_answer, "no answer", self.pool, what, self._calls):
            raise NotReady(f"{self.pool} does not answer", retry_after_s=RETRY_S)

    def _loses_reply(self, what: str) -> float | None:
        """The share of the orders that is taken before the connection breaks, or None when it holds."""
        self._calls += 1
        if not self._chance.happens(self._faults.reply_lost, "reply lost", self.pool, what, self._calls):
            return None
        return self._chance.unit("taken", self.pool, what, self._calls)
