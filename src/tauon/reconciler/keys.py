"""Which idempotency keys have been used: exactly for those just submitted, and a filter for all others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tauon.model.ids import JobId

# Looking a key up in the store takes far less; until then a job that has become durable is still answered from here.
REMEMBERED_US = 10_000_000
FILTER_BITS = 1 << 23
PROBES = 4


class Keys:
    """The keys of submitted jobs. `may_know` misses none that is stored; of a million it makes up two in a hundred."""

    def __init__(self, stored: Iterable[str]) -> None:
        self._jobs: dict[str, JobId] = {}
        self._order: deque[tuple[int, int, str]] = deque()
        self._filter = bytearray(FILTER_BITS // 8)
        for key in stored:
            self._mark(key)

    def get(self, key: str) -> JobId | None:
        """The job of a key that was submitted just now."""
        return self._jobs.get(key)

    def may_know(self, key: str) -> bool:
        """Whether the store could have this key; False is certain."""
        bits = self._filter
        return all(bits[at >> 3] >> (at & 7) & 1 for at in _places(key))

    def add(self, key: str, job: JobId, *, seq: int, at_us: int) -> None:
        """Take note of a key that was submitted at a position and time of the journal."""
        self._jobs[key] = job
        self._order.append((seq, at_us, key))
        self._mark(key)

    def forget(self, *, durable: int, now_us: int) -> None:
        """Let go of those that have been durable for so long that every look-up finds them in the store."""
        order = self._order
        while order and order[0][0] <= durable and order[0][1] + REMEMBERED_US <= now_us:
            del self._jobs[order.popleft()[2]]

    def lose(self, *, after: int) -> None:
        """Let go of those that never became durable."""
        order = self._order
        while order and order[-1][0] > after:
            del self._jobs[order.pop()[2]]

    def _mark(self, key: str) -> None:
        for at in _places(key):
            self._filter[at >> 3] |= 1 << (at & 7)


def _places(key: str) -> list[int]:
    """The bits of a key, from its hash, which differs from process to process as the filter does."""
    mixed = hash(key) & 0xFFFF_FFFF_FFFF_FFFF
    step = mixed >> 32 | 1
    return [(mixed + i * step) % FILTER_BITS for i in range(PROBES)]
