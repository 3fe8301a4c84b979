"""The port through which facts enter: folded at once, durable when the ticket says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tauon.model.cluster import Cluster
from tauon.model.event import Event, Fact
from tauon.model.ids import JobId


class Journal(Protocol):
    """The one way to change state. Memory runs ahead of the disk: whoever acts on or acknowledges a fact awaits
    `durable` first. If the disk fails, memory goes back to what the disk has and every waiter hears StorageUnavailable.
    """

    @property
    def cluster(self) -> Cluster:
        """The state with all facts appended so far; read it only between two awaits."""
        ...

    def append(self, facts: Sequence[Fact]) -> int:
        """Fold facts that belong together (they become durable together); returns the position of the last.

        Raises InvariantViolated, having changed nothing, when the first can't follow from the present state.
        """
        ...

    async def durable(self, seq: int) -> None:
        """Return when everything up to `seq` is on disk; raise StorageUnavailable if it was lost.

        Await it right after the append, with no other await between: what was lost gives its position to what comes next.
        """
        ...

    def key_in_flight(self, key: str) -> JobId | None:
        """The job submitted under this idempotency key, if the journal remembers it (it does until it is durable)."""
        ...

    def may_know(self, key: str) -> bool:
        """Whether the store could know this key; False is certain, so that new keys cost no look-up."""
        ...

    def recent(self, after: int) -> Sequence[Event] | None:
        """Durable events after a position, from memory; None when they are no longer all there (read the store)."""
        ...

    async def changed(self, after: int) -> None:
        """Return when there are durable events after a position."""
        ...
