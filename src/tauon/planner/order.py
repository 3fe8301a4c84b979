"""Who goes first: guarantees, then priority, then the queue furthest below its share, then whoever is due first."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator

from tauon.model.ids import QueueName
from tauon.model.job import Job
from tauon.model.queue import Queue, QueueOrder, path
from tauon.model.resources import Resources
from tauon.model.snapshot import Snapshot
from tauon.model.waiting import Line, LineKey, Place
from tauon.planner.quota import BORROWING, GUARANTEED, Quotas
from tauon.planner.ranks import Rank, Rankings
from tauon.planner.shares import Shares

_Turn = tuple[int, int, Rank, int, Place, LineKey]
_QueueTurn = tuple[int, int, tuple[float, ...], Rank, int, QueueName]


class Order:
    """Serves the first job of the line whose turn it is, until each line is used up or blocked.

    Within a queue by standing, priority and the queue's strategy; between queues by standing, priority and share.
    Standings and shares move as jobs are given places, mostly for the worse, so an entry is looked at again when its
    turn has come, and put back if it has become worse.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        quotas: Quotas | None = None,
        rankings: Rankings | None = None,
        lines: Iterable[LineKey] | None = None,
        is_over: Callable[[LineKey], bool] = lambda _: False,
    ) -> None:
        self._snapshot = snapshot
        self._rankings = rankings or Rankings(snapshot)
        self._terrain = snapshot.terrain
        cluster = snapshot.cluster
        self.tree = cluster.tree
        self._quotas = quotas or Quotas(cluster)
        self._lines: dict[LineKey, Iterator[tuple[Rank, Place]]] = {}
        self._numbers: dict[LineKey, int] = {}
        self._below: dict[LineKey, int] = {}  # lines that have been tried with this standing, and try with a lower one
        self._lanes: dict[QueueName, list[_Turn]] = {}
        # Queues below one topmost queue stand in a heap, and of each heap the first stands in another: a queue that is
        # served moves its own share and those above it, so only its own entry and that of its topmost queue change.
        self._turns: dict[QueueName, list[_QueueTurn]] = {}
        self._tops: list[_QueueTurn] = []
        self._served: _Turn | None = None
        self._is_over = is_over
        self.dropped: dict[LineKey, _Turn] = {}  # lines whose turn came when nothing could be done for them any more
        self._shares: Shares | None = None
        self._given: list[tuple[QueueName, str, Resources]] = []
        self.admit(cluster.waiting.lines if lines is None else lines)

    def admit(self, lines: Iterable[LineKey]) -> None:
        """Serve these lines too, or again; to be called when `next` has come to its end."""
        cluster = self._snapshot.cluster
        for key in lines:
            dropped = self.dropped.pop(key, None)
            if dropped is not None:
                heapq.heappush(self._lanes[key.queue], dropped)
                continue
            self._lines[key] = self._ranked(self.tree.queue(key.queue), cluster.waiting.lines[key])
            self._numbers[key] = len(self._numbers)
            self._advance(key)
        # To compare all queues costs far more than to serve one, and mostly only one has something waiting.
        if self._shares is None and len(self._lanes) > 1:
            self._shares = Shares(cluster, self._snapshot.at_us)
            for given in self._given:
                self._shares.add(*given)
        for queue in self._lanes:
            self._enter(queue)
        for top in self._turns:
            self._stand(top)

    def next(self) -> tuple[LineKey, Job, int] | None:
        """The job whose turn it is, and the standing with which; its line is served again only after `served`."""
        if self._served is not None:
            queue, self._served = self._served[-1].queue, None
            self._enter(queue)
            self._stand(path(queue)[0])
        while self._tops:
            queue = heapq.heappop(self._tops)[-1]
            top = path(queue)[0]
            turns, now = self._turns[top], self._turn_of(queue)
            if now is not None and now <= turns[0]:
                heapq.heappop(turns)
                served = self._served = heapq.heappop(self._lanes[queue])
                return served[-1], self._snapshot.cluster.jobs[served[-2].job], -served[0]
            if now is None:
                heapq.heappop(turns)
            else:
                heapq.heapreplace(turns, now)
            self._stand(top)
        return None

    def served(self, key: LineKey, amounts: Resources, accelerator: str = "") -> None:
        """The job whose turn it was got these amounts, now or as soon as they are free: its line's next may come."""
        if self._shares is None:
            self._given.append((key.queue, accelerator, amounts))
        else:
            self._shares.add(key.queue, accelerator, amounts)
        self._below.pop(key, None)
        self._advance(key)

    def try_lower(self, key: LineKey, standing: int) -> bool:
        """Let the job whose turn it was come again with what a lower standing may have; False if that is nothing."""
        if self._served is None or standing == BORROWING:
            return False
        self._below[key] = standing
        lower = self._standing(key)
        if lower is None:
            return False
        _, priority, within, number, place, _ = self._served
        again: _Turn = (-lower, priority, within, number, place, key)
        heapq.heappush(self._lanes[key.queue], again)
        return True

    def hold_back(self, key: LineKey) -> list[LineKey]:
        """The job whose turn it is can't be served, and its queue is strict: none of its priority or below is served any
        more. Returns the lines that this takes out."""
        lane = self._lanes[key.queue]
        behind = [entry[-1] for entry in lane if entry[-1].priority <= key.priority]
        lane[:] = [entry for entry in lane if entry[-1].priority > key.priority]
        heapq.heapify(lane)
        return behind

    def _ranked(self, queue: Queue, line: Line) -> Iterator[tuple[Rank, Place]]:
        """The jobs of a line in their queue's order; a line itself is in order of arrival and deadlines."""
        jobs = self._snapshot.cluster.jobs
        rank = self._rankings.of(queue).rank
        if queue.order is QueueOrder.FIFO:
            return ((rank(jobs[place.job], 0), place) for place in line)
        ranked = [(rank(jobs[place.job], 0), place) for place in line]
        heapq.heapify(ranked)
        return _popped(ranked)

    def _advance(self, key: LineKey) -> None:
        """Let the first of a line that is not delayed stand in its queue's lane."""
        delayed, now_us = self._snapshot.cluster.waiting.delayed, self._snapshot.at_us
        for within, place in self._lines[key]:
            if delayed.is_due(place.job, now_us):
                lane = self._lanes.setdefault(key.queue, [])
                standing = self._standing(key) or BORROWING
                heapq.heappush(lane, (-standing, -key.priority, within, self._numbers[key], place, key))
                return

    def _enter(self, queue: QueueName) -> None:
        """Let a queue stand among those below its topmost queue."""
        turn = self._turn_of(queue)
        if turn is not None:
            heapq.heappush(self._turns.setdefault(path(queue)[0], []), turn)

    def _stand(self, top: QueueName) -> None:
        """Let the first of those below a topmost queue stand among the others, with the share of the topmost."""
        turns = self._turns.get(top)
        if turns:
            standing, priority, share, within, number, queue = turns[0]
            whole = () if self._shares is None else (self._shares.of(top),)
            heapq.heappush(self._tops, (standing, priority, whole + share, within, number, queue))

    def _turn_of(self, queue: QueueName) -> _QueueTurn | None:
        """A queue's turn as things stand now, but for the share of its topmost queue: that of the first in its lane."""
        lane = self._lanes[queue]
        while lane:
            standing, priority, within, number, place, key = lane[0]
            if self._is_over(key):
                self.dropped[key] = heapq.heappop(lane)
                continue
            now = -(self._standing(key) or BORROWING)
            if now > standing:
                heapq.heapreplace(lane, (now, priority, within, number, place, key))
                continue
            share = () if self._shares is None else self._shares.key(queue)[1:]
            return standing, priority, share, within, number, queue
        return None

    def _standing(self, key: LineKey) -> int | None:
        """The best standing of a line among those that it has not been tried with; None when there is none."""
        if not self.tree.has_guarantees:
            return BORROWING
        return self._quotas.best_standing(key, self._terrain, self._below.get(key, GUARANTEED + 1))


def _popped(heap: list[tuple[Rank, Place]]) -> Iterator[tuple[Rank, Place]]:
    """What a heap holds, in order; only what is asked for is sorted."""
    while heap:
        yield heapq.heappop(heap)
