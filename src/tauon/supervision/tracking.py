"""The attempts of a pool as last seen, with a counter of changes, so that a look costs only what has changed."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence

import msgspec

from tauon.model.ids import AttemptId
from tauon.ports.providers import AttemptObserved, AttemptsObserved, Ending, Phase
from tauon.supervision.node.folders import AttemptFolder
from tauon.supervision.node.identity import Identity
from tauon.supervision.node.order import ProcessStatus, Status


def read_status(folder: AttemptFolder) -> Status | None:
    """What the supervisor wrote last; None when there is nothing that can be read. Raises OSError but for its absence."""
    try:
        return msgspec.json.decode(folder.status.read_bytes(), type=Status)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def identity_of(process: ProcessStatus) -> Identity:
    return Identity(process["pid"], process["started"], process["boot"])


class _Tracked:
    __slots__ = ("change", "is_starting", "is_taken", "observed", "status")

    def __init__(self, observed: AttemptObserved) -> None:
        self.observed = observed
        self.status: Status | None = None  # None until a supervisor has taken it
        self.change = 0
        self.is_starting = False
        self.is_taken = False  # told of without a status

    @property
    def supervisor(self) -> Identity | None:
        """Who runs it; None before and after."""
        if self.status is None or self.observed.phase is Phase.ENDED:
            return None
        return identity_of(self.status["supervisor"])


class Attempts:
    """All attempts that are not forgotten. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # of an RLock: its holder may take it again
        self._tracked: dict[AttemptId, _Tracked] = {}
        self._count = 0
        self._epoch = secrets.token_hex(4)  # cursors of another provider object mean nothing here

    def reserve(self, attempt: AttemptId) -> bool:
        """Begin a start; False when it is known already, or being started. End it by `settle`."""
        with self._changed:
            if attempt in self._tracked:
                return False
            tracked = self._tracked[attempt] = _Tracked(AttemptObserved(id=attempt, phase=Phase.STARTING))
            tracked.is_starting = True
            self._mark(tracked)
            return True

    def settle(self, attempt: AttemptId) -> None:
        """A start is over: what neither a status nor a refusal was written for is not there."""
        with self._changed:
            tracked = self._tracked.get(attempt)
            if tracked is not None and tracked.is_starting:
                tracked.is_starting = False
                if tracked.status is None and not tracked.is_taken:
                    del self._tracked[attempt]
            self._changed.notify_all()

    def wait_until_settled(self, attempt: AttemptId, timeout_s: float) -> None:
        """Return when no start of this attempt is under way."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_starting(attempt), timeout_s)

    def apply(self, status: Status) -> bool:
        """Take note of a status; whether it said something new."""
        attempt = AttemptId(status["attempt"])
        with self._changed:
            tracked = self._tracked.get(attempt)
            if tracked is not None and tracked.status and tracked.status["revision"] >= status["revision"]:
                return False
            if tracked is not None and tracked.observed.phase is Phase.ENDED:
                return False
            observed = _observed(status)
            if tracked is None:
                tracked = self._tracked[attempt] = _Tracked(observed)
            tracked.observed = observed
            tracked.status = status
            self._mark(tracked)
            return True

    def refuse(self, attempt: AttemptId, message: str) -> None:
        """Take note that an attempt could not be started."""
        self.tell(AttemptObserved(id=attempt, phase=Phase.ENDED, ending=Ending.NOT_STARTED, message=message))

    def tell(self, observed: AttemptObserved) -> bool:
        """Take note of what is known from elsewhere than its status; whether it is new. An end that was told stays."""
        with self._changed:
            tracked = self._tracked.get(observed.id)
            if tracked is None:
                tracked = self._tracked[observed.id] = _Tracked(observed)
            elif tracked.observed.phase is Phase.ENDED or (tracked.is_taken and tracked.observed == observed):
                return False
            tracked.observed = observed
            tracked.is_taken = True
            self._mark(tracked)
            return True

    def tell_if_unknown(self, observed: AttemptObserved) -> bool:
        """Take note of an attempt that is not known yet; whether it was not."""
        with self._changed:
            return observed.id not in self._tracked and self.tell(observed)

    def forget(self, attempt: AttemptId) -> None:
        with self._changed:
            self._tracked.pop(attempt, None)

    def phase(self, attempt: AttemptId) -> Phase | None:
        """How far it is; None when it is not known."""
        with self._changed:
            tracked = self._tracked.get(attempt)
            return None if tracked is None else tracked.observed.phase

    def supervisor(self, attempt: AttemptId) -> Identity | None:
        """Who runs it; None when it is over or not known."""
        with self._changed:
            tracked = self._tracked.get(attempt)
            return None if tracked is None else tracked.supervisor

    def status(self, attempt: AttemptId) -> Status | None:
        """What its supervisor said last."""
        with self._changed:
            tracked = self._tracked.get(attempt)
            return None if tracked is None else tracked.status

    def unfinished(self) -> Sequence[AttemptId]:
        """The attempts that are not over."""
        with self._changed:
            return [id_ for id_, tracked in self._tracked.items() if tracked.observed.phase is not Phase.ENDED]

    def live(self) -> Sequence[tuple[AttemptId, Identity]]:
        """The attempts that have a supervisor and are not over."""
        with self._changed:
            pairs = [(attempt, tracked.supervisor) for attempt, tracked in self._tracked.items()]
        return [(attempt, supervisor) for attempt, supervisor in pairs if supervisor is not None]

    def since(self, cursor: str) -> AttemptsObserved:
        """What has changed since a cursor was given out; everything if it was not given out here."""
        epoch, _, count = cursor.partition(":")
        is_full = epoch != self._epoch or not count.isdigit()
        after = 0 if is_full else int(count)
        with self._changed:
            if not is_full and after >= self._count:
                return AttemptsObserved(attempts=(), is_full=False, cursor=cursor)
            found = tuple(t.observed for t in self._tracked.values() if t.change > after)
            return AttemptsObserved(attempts=found, is_full=is_full, cursor=f"{self._epoch}:{self._count}")

    def _mark(self, tracked: _Tracked) -> None:
        self._count += 1
        tracked.change = self._count

    def _is_starting(self, attempt: AttemptId) -> bool:
        tracked = self._tracked.get(attempt)
        return tracked is not None and tracked.is_starting


def _observed(status: Status) -> AttemptObserved:
    return AttemptObserved(
        id=AttemptId(status["attempt"]),
        phase=Phase(status["phase"]),
        ending=Ending(status["ending"]) if status["ending"] else None,
        exit_codes=tuple(status["exits"]),
        failed_rank=status["failed_rank"],
        message=status["message"],
    )
