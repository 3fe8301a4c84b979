"""Coroutines that wait until the journal has reached a position."""

from __future__ import annotations

import asyncio

from tauon.model.errors import StorageUnavailable


class Waiters:
    """Who waits for which position."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def wait(self, seq: int) -> None:
        """Return when `seq` has been reached; raise StorageUnavailable when `fail` is told why it won't be."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((seq, future))
        await future

    def reach(self, seq: int) -> None:
        """Let go of all who wait for a position up to `seq`."""
        if self._waiting:
            later = []
            for wanted, future in self._waiting:
                if wanted > seq:
                    later.append((wanted, future))
                elif not future.done():
                    future.set_result(None)
            self._waiting = later

    def fail(self, reason: str) -> None:
        """Tell all who still wait that it will not come."""
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(StorageUnavailable(reason))
