"""The index of what falls due when: looked at in every cycle, so it costs by what is due and not by what is there."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=str)


class Due(Generic[T]):
    """Times (microseconds) by id. Reading changes nothing, so that a pure decision may do it."""

    def __init__(self) -> None:
        self._times: dict[T, int] = {}
        self._heap: list[tuple[int, T]] = []  # what was discarded or moved stays in it until it comes to the top

    def __len__(self) -> int:
        return len(self._times)

    def __contains__(self, key: object) -> bool:
        return key in self._times

    def is_due(self, key: T, now_us: int) -> bool:
        """Whether the time of `key` has come; also when it has none."""
        return self._times.get(key, 0) <= now_us

    def put(self, key: T, at_us: int) -> None:
        """Let `key` fall due at this time, and at no other."""
        self._times[key] = at_us
        heapq.heappush(self._heap, (at_us, key))
        if len(self._heap) > 2 * len(self._times) + 16:
            self._heap = [(at, k) for k, at in self._times.items()]
            heapq.heapify(self._heap)

    def discard(self, key: T) -> None:
        self._times.pop(key, None)
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def pass_by(self, now_us: int) -> None:
        """Discard what has fallen due."""
        while self._heap and self._heap[0][0] <= now_us:
            at_us, key = heapq.heappop(self._heap)
            if self._times.get(key) == at_us:
                del self._times[key]

    def until(self, now_us: int) -> list[T]:
        """What is due, the longest due first."""
        due = {(at, k) for at, k in self._walk(now_us) if self._times.get(k) == at}
        return [key for _, key in sorted(due)]

    def next_after(self, now_us: int) -> int | None:
        """The earliest time after `now_us` at which something falls due."""
        times = (at for at, key in self._walk_beyond(now_us) if self._times.get(key) == at)
        return min(times, default=None)

    def _walk(self, now_us: int) -> Iterator[tuple[int, T]]:
        """Entries up to a time: below one that is later, a heap holds only later ones."""
        heap, todo = self._heap, [0]
        while todo:
            at = todo.pop()
            if at < len(heap) and heap[at][0] <= now_us:
                yield heap[at]
                todo += (2 * at + 1, 2 * at + 2)

    def _walk_beyond(self, now_us: int) -> Iterator[tuple[int, T]]:
        """The first valid entries after a time on each way down the heap."""
        heap, todo = self._heap, [0]
        while todo:
            at = todo.pop()
            if at >= len(heap):
                continue
            due_us, key = heap[at]
            if due_us > now_us and self._times.get(key) == due_us:
                yield heap[at]
            else:
                todo += (2 * at + 1, 2 * at + 2)
