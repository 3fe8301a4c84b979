"""Which lines anything can be done for: most of a long queue waits for nothing that this plan could give it."""

from __future__ import annotations

from collections.abc import Iterable

from tauon.model.resources import Request
from tauon.model.waiting import LineKey
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, choices, find
from tauon.planner.misses import Misses
from tauon.planner.quota import BORROWING

_Rank = tuple[int, int]  # a standing, and a priority
_Ground = tuple[str, str]  # a pool, and an accelerator type in it (or none, or any)
_ANY = "*"


class Prospects:
    """What can be said of requests as things stand, once for all lines that ask alike.

    A line has none if what it asks for fits nowhere, even when all that is being stopped is gone, and nothing that runs
    where it could be has to give way to it. As a plan goes on, less and less is free; so that can change in two ways
    only: the plan stops something, or its starts make borrowers of others. `have_grown` tells.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._begin()

    def _begin(self) -> None:
        self._stopping = len(self._draft.stopping)
        self._fits: dict[Request, bool] = {}
        self._misses = 0
        self._held_against: dict[Request, int] = {}  # how many misses there were when it still seemed to fit
        self._missed = Misses()
        self._weak: dict[_Rank, frozenset[_Ground]] = {}
        self._vain: dict[_Rank, Misses] = {}

    def have_grown(self) -> bool:
        """Whether something may be possible by now that was not; what is told from here on is as things stand now."""
        stopping, before = self._stopping, self._weak
        self._begin()
        return self._stopping > stopping or any(self._grounds(rank) - grounds for rank, grounds in before.items())

    def hopeful(self, lines: Iterable[LineKey]) -> dict[LineKey, None]:
        """Those of these lines that have any."""
        return {
            key: None
            for key in lines
            if self._is_heeded(key) or self._fits_in_time(key.request) or self._may_replace(key)
        }

    def _is_heeded(self, key: LineKey) -> bool:
        """Whether its queue looks at all that waits: what can't start may take a turn, or hold back others."""
        queue = self._draft.quotas.tree.queue(key.queue)
        return queue.take_turns or queue.strict

    def _fits_in_time(self, request: Request) -> bool:
        """Whether it fits into what is free and what is being emptied."""
        fits = self._fits.get(request)
        if fits is None:
            ways = choices(request, self._draft.terrain)
            fits = bool(ways) and not self._missed.covers(request, ways)
            if fits and find(request, ways, self._draft.future) is None:
                self._missed.add(request, ways)
                fits = False
            self._fits[request] = fits
        return fits

    def missed(self, request: Request, ways: tuple[Choice, ...]) -> None:
        """Take note that something does not fit by now into what is free or being emptied."""
        self._missed.add(request, ways)
        self._misses += 1

    def is_over(self, key: LineKey) -> bool:
        """Whether what a line had been hoping for is gone."""
        request = key.request
        if self._held_against.get(request) == self._misses or len(self._draft.stopping) > self._stopping:
            return False
        if self._fits.get(request, True):
            if not self._missed.covers(request, choices(request, self._draft.terrain)):
                self._held_against[request] = self._misses
                return False
            self._fits[request] = False
        return not self._is_heeded(key) and not self._may_replace(key)

    def _may_replace(self, key: LineKey) -> bool:
        terrain, quotas = self._draft.terrain, self._draft.quotas
        standing = quotas.best_standing(key, terrain) if quotas.tree.has_guarantees else BORROWING
        return standing is not None and self._somebody_gives_way(
            choices(key.request, terrain), (standing, key.priority)
        )

    def _somebody_gives_way(self, ways: Iterable[Choice], rank: _Rank) -> bool:
        """Whether anything that runs where these ways lead has to give way to such a claim."""
        grounds = self._grounds(rank)
        return bool(grounds) and any(
            (way.pool, way.accelerator or _ANY) in grounds or (way.pool, "") in grounds for way in ways
        )

    def worth_a_search(self, key: LineKey, ways: tuple[Choice, ...], standing: int) -> bool:
        """Whether to look for work that gives way to a line's next job, with such a standing: not where there is none,
        nor where the same or less was looked for in vain."""
        rank = (standing, key.priority)
        vain = self._vain.get(rank)
        if vain is not None and vain.covers(key.request, ways):
            return False
        return self._somebody_gives_way(ways, rank)

    def found_none(self, key: LineKey, ways: tuple[Choice, ...], standing: int) -> None:
        """Take note of a search in vain."""
        self._vain.setdefault((standing, key.priority), Misses()).add(key.request, ways)

    def _grounds(self, rank: _Rank) -> frozenset[_Ground]:
        """Where anything runs that has to give way to such a claim."""
        found = self._weak.get(rank)
        if found is None:
            kinds = self._draft.snapshot.cluster.live.by_kind
            weak = [kind for kind in kinds if self._draft.quotas.gives_way(kind, rank)]
            grounds = {(kind.pool, kind.accelerator) for kind in weak}
            found = self._weak[rank] = frozenset(grounds | {(kind.pool, _ANY) for kind in weak})
        return found
