"""What the journal knows in memory: the state so far, what is not on disk yet, and what became durable lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.errors import InvariantViolated
from tauon.model.event import Event, Fact, JobSubmitted
from tauon.model.ids import JobId
from tauon.ports.clock import Clock
from tauon.ports.store import Store
from tauon.reconciler.keys import Keys

KEPT = 5_000


class Group:
    """Events that become durable together, with the rows that they changed."""

    __slots__ = ("changes", "events")

    def __init__(self, events: list[Event], changes: Changes) -> None:
        self.events = events
        self.changes = changes


class Reading(NamedTuple):
    """The state on disk, and whether the group that was on its way is in it: the error of a write does not tell."""

    cluster: Cluster
    is_written: bool


class Ledger:
    """Folds facts at once and hands them out in groups; at most one group is on its way to the disk at a time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.cluster = store.load()
        self.durable = self.cluster.seq
        self.sound = True
        self.keys = Keys(store.keys())
        self._recent: deque[Event] = deque(maxlen=KEPT)
        self._pending: list[Event] = []
        self._on_its_way: list[Event] = []

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    def fold(self, facts: Sequence[Fact]) -> int:
        """Stamp facts and fold them in; returns the position of the last.

        Raises InvariantViolated when one can't follow: none of them has happened then. Raises StorageUnavailable when
        memory would have to be read anew for that, and can't be.
        """
        cluster = self.cluster
        # Time never goes back within a journal, whatever is done to the machine's clock.
        now_us = self._clock.now_us()
        at_us = now_us if now_us > cluster.at_us else cluster.at_us
        before = cluster.seq
        events = [Event(seq=seq, at_us=at_us, fact=fact) for seq, fact in enumerate(facts, before + 1)]
        submitted = self._new_keys(events)
        try:
            for event in events:
                cluster.apply(event)
        except InvariantViolated:
            if cluster.seq > before:
                self._refold()
            raise
        except Exception as bug:
            self._refold()
            raise InvariantViolated(f"{type(bug).__name__} when folding {[e.type for e in events]}: {bug}") from bug
        self._pending += events
        for key, (seq, job) in submitted.items():
            self.keys.add(key, job, seq=seq, at_us=at_us)
        return cluster.seq

    def take(self) -> Group:
        """All that is pending, to be written."""
        group = Group(self._pending, self.cluster.changes)
        self._on_its_way, self._pending = self._pending, []
        self.cluster.changes = Changes()
        return group

    def confirm(self) -> None:
        """The group on its way is on disk."""
        events, self._on_its_way = self._on_its_way, []
        if events:
            self._recent.extend(events)
            self.durable = events[-1].seq
            self.keys.forget(durable=self.durable, now_us=events[-1].at_us)

    def read_anew(self) -> Reading:
        """What the disk has, after a group on its way may or may not have been written; changes nothing here."""
        cluster = self._store.load()
        last = self._on_its_way[-1:]
        found = self._store.events(after=last[0].seq - 1, limit=1) if last else []
        return Reading(cluster, is_written=found == last)

    def restore(self, reading: Reading) -> int:
        """Go back to what the disk has; returns the position up to which all that was appended here is there."""
        cluster = reading.cluster
        if reading.is_written:
            self.confirm()
        ours = self.durable
        if cluster.seq != self.durable:
            # Somebody else has written: what was kept no longer joins up.
            self._recent.clear()
        self._pending, self._on_its_way = [], []
        self.cluster, self.durable, self.sound = cluster, cluster.seq, True
        self.keys.lose(after=ours)
        return ours

    def recent(self, after: int) -> Sequence[Event] | None:
        """Durable events after a position, or None when they are no longer all kept."""
        count = self.durable - after
        if count <= 0:
            return []
        if count > len(self._recent):
            return None
        newest_first = list(islice(reversed(self._recent), count))
        newest_first.reverse()
        return newest_first

    def _new_keys(self, events: Sequence[Event]) -> dict[str, tuple[int, JobId]]:
        """The keys among these events; raises InvariantViolated when one is taken, before anything has changed."""
        submitted: dict[str, tuple[int, JobId]] = {}
        for event in events:
            fact = event.fact
            if type(fact) is JobSubmitted and fact.job.key:
                key = fact.job.key
                if key in submitted or self.keys.get(key):
                    raise InvariantViolated(f"the idempotency key {key!r} was used twice")
                submitted[key] = (event.seq, fact.job.id)
        return submitted

    def _refold(self) -> None:
        """Undo a fold that broke off in the middle: back to the disk's state, then all that came before it once more.

        A load waits for the group that is being written, so it either has that group as a whole or lacks it. Where
        nothing can be loaded, StorageUnavailable tells that memory is not `sound` until it is restored.
        """
        self.sound = False
        cluster = self._store.load()
        for event in self._on_its_way:
            if event.seq > cluster.seq:
                cluster.apply(event)
        # The rows of what is on its way go with it.
        cluster.changes = Changes()
        for event in self._pending:
            cluster.apply(event)
        self.cluster = cluster
        self.sound = True
