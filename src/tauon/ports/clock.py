"""Time as a port, so that a virtual clock can drive the same code."""

from typing import Protocol


class Clock(Protocol):
    """What time it is, in microseconds since the epoch (UTC)."""

    def now_us(self) -> int: ...
