"""What is asked for: how many workers of each size the jobs have that wait or run, and what of it is typical by now."""

from __future__ import annotations

import msgspec

from tauon.model.resources import Request, Resources


class Typical(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """The sizes of workers that were asked for at some moment, and how many of each, the most frequent first."""

    sizes: tuple[tuple[Resources, int], ...] = ()


class Demand:
    """Only the cluster changes this. `typical` is taken anew when a quarter of all jobs have changed since, so that what
    was found out from it holds for a while."""

    def __init__(self) -> None:
        self.typical = Typical()
        self._workers: dict[Resources, int] = {}
        self._jobs = 0
        self._changes = 0

    def join(self, request: Request) -> None:
        """A job with this request is there."""
        self._count(request, +1)

    def leave(self, request: Request) -> None:
        """It has ended."""
        self._count(request, -1)

    def _count(self, request: Request, sign: int) -> None:
        size = request.resources()
        workers = self._workers.get(size, 0) + sign * request.workers
        if workers:
            self._workers[size] = workers
        else:
            self._workers.pop(size, None)
        self._jobs += sign
        self._changes += 1
        if 4 * self._changes > self._jobs:
            self._changes = 0
            ranked = sorted(self._workers.items(), key=_rank)
            self.typical = Typical(sizes=tuple(ranked))


def _rank(entry: tuple[Resources, int]) -> tuple[int, int, int, int, int]:
    size, workers = entry
    return -workers, size.accelerator_milli, size.cpu_milli, size.memory_mib, size.disk_mib
