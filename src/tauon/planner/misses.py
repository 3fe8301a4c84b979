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
        self._all: set[Request] = set()

    def covers(self, request: Request, ways: _Ways) -> bool:
        """Whether this can't fit, since something that asks for no more did not."""
        if request in self._all:
            return True
        return any(_asks_no_more(small, (request.workers, ways)) for small in self._smallest.get(_ground(ways), ()))

    def add(self, request: Request, ways: _Ways) -> None:
        """Take note of what did not fit."""
        if request not in self._all:
            self._all.add(request)
            this = (request.workers, ways)
            small = self._smallest.setdefault(_ground(ways), [])
            if not any(_asks_no_more(other, this) for other in small):
                small[:] = [other for other in small if not _asks_no_more(this, other)]
                small.append(this)


@lru_cache(maxsize=1 << 15)
def _ground(ways: _Ways) -> _Ground:
    return tuple((way.pool, way.accelerator, way.shapes) for way in ways)


def _asks_no_more(one: tuple[int, _Ways], other: tuple[int, _Ways]) -> bool:
    """Whether a place for `other` would hold one for `one`, both on the same ground."""
    return one[0] <= other[0] and all(a.resources.fits_in(b.resources) for a, b in zip(one[1], other[1], strict=True))
