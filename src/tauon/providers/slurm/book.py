"""What the provider remembers of its jobs besides what the attempts' folders say; all of it may be lost in a restart."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tauon.model.ids import AttemptId


@dataclass(slots=True)
class Entry:
    """One attempt: its jobs in Slurm (more than one after a doubled reply), and moments by the monotonic clock."""

    jobs: set[int] = field(default_factory=set)
    taken_at_s: float = 0.0
    kill_at_s: float | None = None  # we wanted it to end; from then on Slurm is told to kill it
    waiting_since_s: float | None = None
    ended_since_s: float | None = None  # Slurm says that it is over, its supervisor does not yet
    given_up: str = ""


class Book:
    """The entries by attempt, and the jobs of attempts that are forgotten. Any thread may read and write it."""

    def __init__(self) -> None:
        self.entries: dict[AttemptId, Entry] = {}
        self.forgotten: set[int] = set()

    def take(self, attempt: AttemptId, job: int | None = None) -> Entry:
        """Note that an attempt is in Slurm's hands, or in a supervisor's."""
        entry = self.entries.setdefault(attempt, Entry())
        entry.taken_at_s = entry.taken_at_s or time.monotonic()
        if job is not None:
            entry.jobs.add(job)
        return entry

    def want_end(self, attempt: AttemptId, notice_s: float) -> None:
        """Note that an attempt is to end; another time never puts that off."""
        entry = self.entries.setdefault(attempt, Entry())
        kill_at_s = time.monotonic() + notice_s
        entry.kill_at_s = kill_at_s if entry.kill_at_s is None else min(kill_at_s, entry.kill_at_s)

    def is_unwanted(self, attempt: AttemptId) -> bool:
        entry = self.entries.get(attempt)
        return entry is not None and entry.kill_at_s is not None

    def jobs(self, attempt: AttemptId) -> set[int]:
        entry = self.entries.get(attempt)
        return set() if entry is None else set(entry.jobs)

    def drop(self, attempt: AttemptId) -> None:
        """The attempt is forgotten: what Slurm still lists of it is no news."""
        entry = self.entries.pop(attempt, None)
        if entry is not None:
            self.forgotten |= entry.jobs
