"""Who goes first: priority, then the queue furthest below its share, then deadline, then arrival."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator

from tauon.model.ids import QueueName
from tauon.model.job import Job
from tauon.model.queue import Queue
from tauon.model.resources import Resources
from tauon.model.snapshot import Snapshot
from tauon.model.waiting import LineKey, Place

_Entry = tuple[int, float, Place, int, LineKey]


class Order:
    """Serves the first job of the line whose turn it is, until each line is used up or blocked.

    Shares move as jobs are started, so an entry whose queue's share has changed is put back and looked at again.
    """

    def __init__(self, snapshot: Snapshot, *, skip: Container[LineKey] = ()) -> None:
        self._snapshot = snapshot
        cluster = snapshot.cluster
        self._total = cluster.capacity.total
        self._held = dict(cluster.held)
        self._share: dict[QueueName, float] = {}
        self._heads: list[_Entry] = []
        self._lines: dict[LineKey, Iterator[Place]] = {}
        for number, (key, line) in enumerate(cluster.waiting.lines.items()):
            if key not in skip:
                self._lines[key] = iter(line)
                self._push(key, number)
        heapq.heapify(self._heads)

    def share(self, queue: QueueName) -> float:
        """The dominant share of a queue, divided by its weight."""
        share = self._share.get(queue)
        if share is None:
            configured = self._snapshot.cluster.queues.get(queue, Queue(name=queue))
            share = dominant_share(self._held.get(queue, Resources()), self._total) / configured.weight
            self._share[queue] = share
        return share

    def _push(self, key: LineKey, number: int) -> None:
        delayed, now_us = self._snapshot.cluster.waiting.delayed, self._snapshot.at_us
        for place in self._lines[key]:
            if delayed.is_due(place.job, now_us):
                heapq.heappush(self._heads, (-key.priority, self.share(key.queue), place, number, key))
                return

    def next(self) -> tuple[LineKey, Job] | None:
        """The job whose turn it is; its line is served again only after `served`."""
        while self._heads:
            entry = heapq.heappop(self._heads)
            priority, share, place, number, key = entry
            now = self.share(key.queue)
            if now != share:
                heapq.heappush(self._heads, (priority, now, place, number, key))
                continue
            self._last = number
            return key, self._snapshot.cluster.jobs[place.job]
        return None

    def served(self, key: LineKey, amounts: Resources) -> None:
        """The job whose turn it was got these amounts, now or as soon as they are free: its line's next may come."""
        self._held[key.queue] = self._held.get(key.queue, Resources()) + amounts
        self._share.pop(key.queue, None)
        self._push(key, self._last)


def dominant_share(held: Resources, total: Resources) -> float:
    """The largest of the shares of each part (dominant resource fairness, NSDI'11), 0 where there is nothing."""
    return max(
        held.accelerator_milli / total.accelerator_milli if total.accelerator_milli else 0.0,
        held.cpu_milli / total.cpu_milli if total.cpu_milli else 0.0,
        held.memory_mib / total.memory_mib if total.memory_mib else 0.0,
    )
