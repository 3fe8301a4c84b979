"""What is still to happen by the scenario, in order of time, read only as far as time has come."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tauon.model.errors import InvalidRequest
from tauon.simulator.scenario import Happening, Submit

_MANY = 2**62  # what is repeated comes before what is new at the same time


class Entry(NamedTuple):
    """A happening; `submit` is its position among the submits."""

    at_us: int
    order: int
    happening: Happening
    submit: int


class Agenda:
    """A list that may be long: a trace is streamed through it."""

    def __init__(self, happenings: Iterable[Happening]) -> None:
        self._rest: Iterator[Happening] = iter(happenings)
        self._soon: list[Entry] = []
        self._read = 0
        self._submits = 0
        self._repeats = 0
        self._last_us = 0
        self._next()

    def next_us(self) -> int | None:
        """When the next thing happens."""
        return self._soon[0].at_us if self._soon else None

    def take(self, until_us: int) -> Entry | None:
        """The next thing that happens until a time, or None."""
        if not self._soon or self._soon[0].at_us > until_us:
            return None
        entry = heapq.heappop(self._soon)
        if entry.order == self._read:
            self._next()
        return entry

    def again(self, entry: Entry, at_us: int) -> None:
        """Let something happen once more, later."""
        self._repeats += 1
        heapq.heappush(self._soon, entry._replace(at_us=at_us, order=self._repeats - _MANY))

    def _next(self) -> None:
        """Read one ahead. Raises InvalidRequest when the list is not in order of time."""
        happening = next(self._rest, None)
        if happening is None:
            return
        if happening.at_us < self._last_us:
            raise InvalidRequest(f"the scenario's happening {self._read + 1} is earlier than the one before it")
        self._last_us = happening.at_us
        self._read += 1
        position = self._submits
        self._submits += isinstance(happening, Submit)
        heapq.heappush(self._soon, Entry(happening.at_us, self._read, happening, position))
