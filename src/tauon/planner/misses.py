"""What did not fit, so that nothing that asks for as much or more in the same places is looked for again."""

from __future__ import annotations

from functools import lru_cache

from tauon.model.node import NodeShape
from tauon.model.resources import Request
from tauon.planner.fit import Choice

_Ways = tuple[Choice, ...]
_Ground = tuple[tuple[str, str, tuple[NodeShape, ...]], ...]


class Misses:
    """The smallest requests that did not fit, by where they could have been."""

    def __init__(self) -> None:
        self._smallest: dict[_Ground, list[tuple[int, _Ways]]] = {}

    def covers(self, request: Request, ways: _Ways) -> bool:
        """Whether this can't fit, since something that asks for no more did not."""
        return any(
            workers <= request.workers and _asks_no_more(small, ways)
            for workers, small in self._smallest.get(_ground(ways), ())
        )

    def add(self, request: Request, ways: _Ways) -> None:
        """Take note of what did not fit, and was not covered."""
        small = self._smallest.setdefault(_ground(ways), [])
        small[:] = [
            (workers, other) for workers, other in small if workers < request.workers or not _asks_no_more(ways, other)
        ]
        small.append((request.workers, ways))


@lru_cache(maxsize=1 << 15)
def _ground(ways: _Ways) -> _Ground:
    return tuple((way.pool, way.accelerator, way.shapes) for way in ways)


def _asks_no_more(one: _Ways, other: _Ways) -> bool:
    """Whether a place for a worker of `other` would hold one of `one`, both on the same ground."""
    return all(map(_fits_in, one, other))


def _fits_in(one: Choice, other: Choice) -> bool:
    return one.resources.fits_in(other.resources)
