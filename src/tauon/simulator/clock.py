"""Virtual time: it stands still while anything is done, and jumps to whatever happens next."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Timer:
    """Something that happens at a time, unless it is called off before."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class VirtualClock:
    """Implements `ports.clock.Clock`. What falls on the same microsecond happens in the order in which it was asked for."""

    def __init__(self, start_us: int) -> None:
        self._now_us = start_us
        self._timers: list[tuple[int, int, Timer]] = []
        self._asked = 0

    def now_us(self) -> int:
        return self._now_us

    def at(self, at_us: int, action: Callable[[], None]) -> Timer:
        """Let something happen at a time; what is past happens at the next advance."""
        timer = Timer(action)
        self._asked += 1
        heapq.heappush(self._timers, (at_us, self._asked, timer))
        return timer

    def next_us(self) -> int | None:
        """When the next thing happens."""
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance(self, to_us: int) -> None:
        """Let time pass until `to_us`, and everything happen that falls due by then."""
        while self._timers and self._timers[0][0] <= to_us:
            at_us, _, timer = heapq.heappop(self._timers)
            if timer.action is not None:
                self._now_us = max(self._now_us, at_us)
                timer.action()
        self._now_us = max(self._now_us, to_us)
