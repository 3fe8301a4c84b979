"""A clock that tests set."""

from tests.builders import START_US


class ManualClock:
    """Stands still until it is told otherwise."""

    def __init__(self, now_us: int = START_US) -> None:
        self.time_us = now_us

    def now_us(self) -> int:
        return self.time_us
