"""The port of durable state: a journal of events and the rows folded from them, written in one transaction."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from tauon.model.attempt import Attempt
from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.event import Event
from tauon.model.ids import JobId, QueueName
from tauon.model.job import Job, JobState
from tauon.model.node import Node
from tauon.model.usage import UsageRecord


class JobOrder(enum.StrEnum):
    """By what jobs are listed; equal ones newest first. States go from what runs over what waits to what has ended."""

    SUBMITTED = "submitted"
    NAME = "name"
    STATE = "state"
    QUEUE = "queue"
    USER = "user"
    PRIORITY = "priority"


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list: empty fields allow everything; `text` is looked for in id and name, `queue` has all below it.

    `before` is the number of the last job of the page before (newest first); `offset` skips so many in any order, which
    is from the last to the first with `reverse`.
    """

    states: tuple[JobState, ...] = ()
    queue: QueueName | None = None
    user: str = ""
    text: str = ""
    labels: dict[str, str] = {}
    before: int | None = None
    order: JobOrder = JobOrder.SUBMITTED
    reverse: bool = False
    offset: int = 0
    limit: int = 100


class Store(Protocol):
    """Journal and rows. `write` runs in one thread of the caller's choice; reads may run in any.

    Every method raises StorageUnavailable when the database can't do it now, ConfigError when it is not ours or of a
    newer version.
    """

    def open(self) -> None:
        """Create or migrate what is there; take the sole right to write, or raise ConfigError saying who has it."""
        ...

    def close(self) -> None: ...

    @property
    def instance(self) -> str:
        """The id of this control plane, given when the database was made."""
        ...

    def write(self, events: Sequence[Event], changes: Changes) -> None:
        """Append events and put the changed rows, durably, in one transaction."""
        ...

    def load(self) -> Cluster:
        """The live state from the rows."""
        ...

    def events(self, *, after: int = 0, subject: str = "", limit: int = 1000) -> list[Event]:
        """Events with a position above `after`, oldest first; of one subject when it is named."""
        ...

    def all_events(self) -> Iterator[Event]:
        """The whole journal, oldest first, streamed."""
        ...

    def find_job(self, job: JobId) -> Job | None: ...

    def find_key(self, key: str) -> JobId | None:
        """The job submitted under an idempotency key."""
        ...

    def keys(self) -> Iterator[str]:
        """All idempotency keys under which jobs were submitted."""
        ...

    def jobs(self, which: JobFilter) -> list[Job]:
        """Jobs, newest first unless another order is asked for."""
        ...

    def count(self, which: JobFilter) -> int:
        """How many jobs `jobs` would list without limit and offset."""
        ...

    def count_jobs(self) -> dict[JobState, int]: ...

    def attempts(self, job: JobId) -> list[Attempt]:
        """All attempts of a job, oldest first."""
        ...

    def nodes(self) -> list[Node]:
        """All nodes, those that are gone included."""
        ...

    def usage(self, *, from_us: int, to_us: int, job: JobId | None = None) -> Iterator[UsageRecord]:
        """The closed usage records that touch the window; of one job when it is named."""
        ...
