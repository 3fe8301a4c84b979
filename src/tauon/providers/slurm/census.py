"""One look at Slurm's jobs: take over what is ours, find out what became of what has gone, give up what waits too long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from tauon.model.errors import ProviderError
from tauon.model.ids import AttemptId
from tauon.ports.providers import AttemptObserved, Phase
from tauon.providers.slurm.book import Book, Entry
from tauon.providers.slurm.commands import Commands
from tauon.providers.slurm.listing import SACCT, JobRow, Stage, completion_rows, past_rows
from tauon.providers.slurm.options import SlurmOptions
from tauon.providers.slurm.orders import OUTPUT
from tauon.providers.slurm.runner import Runner
from tauon.providers.slurm.verdict import Evidence, verdict
from tauon.supervision.node.folders import Folders, is_safe_name
from tauon.supervision.tracking import Attempts, read_status

_log = logging.getLogger(__name__)
_WORD_S = 3.0  # how long a supervisor's last word may take through a shared file system
_KILL_AFTER_S = 10.0  # beyond a notice that the supervisor keeps itself
_HOPELESS = frozenset(
    [
        "AccountNotAllowed",
        "BadConstraints",
        "DependencyNeverSatisfied",
        "InvalidAccount",
        "InvalidQOS",
        "JobHeldAdmin",
        "JobHeldUser",
        "PartitionNodeLimit",
        "PartitionTimeLimit",
        "QOSNotAllowed",
    ]
)
_TAIL_BYTES = 1 << 20


class Census:
    """Looks at the jobs of one pool; `changed` is called when something is new."""

    def __init__(
        self,
        commands: Commands,
        options: SlurmOptions,
        folders: Folders,
        attempts: Attempts,
        book: Book,
        runner: Runner,
    ) -> None:
        self._commands = commands
        self._options = options
        self._folders = folders
        self._attempts = attempts
        self._book = book
        self._runner = runner
        self._can_sacct = True
        self._is_first = True
        self.changed: Callable[[], None] = lambda: None

    def look(self) -> None:
        """One listing, however many jobs there are. Raises ProviderError."""
        started_s = time.monotonic()
        jobs = self._runner.full_listing() if self._is_first else self._runner.listing()
        if self._is_first:
            self._adopt_folders()
        for attempt, rows in jobs.items():
            self._adopt(attempt, rows)
        self._is_first = False
        over: list[AttemptId] = []
        for attempt in self._attempts.unfinished():
            entry = self._book.entries.get(attempt)
            if entry is None or not entry.taken_at_s or entry.taken_at_s >= started_s:
                continue
            rows = jobs.get(attempt, ())
            if any(row.stage is not Stage.OVER for row in rows):
                self._follow(attempt, entry, rows)
            elif not self._runner.look(attempt):
                over.append(attempt)
        if over:
            self._find_out(over)

    def _find_out(self, over: Sequence[AttemptId]) -> None:
        """Of these no job goes on, and no supervisor has said its last word: Slurm may remember them, or its accounts."""
        recent = self._runner.full_listing()
        missing = []
        for attempt in over:
            rows = recent.get(attempt, ())
            if any(row.stage is not Stage.OVER for row in rows):
                continue
            if rows:
                self._conclude(attempt, self._book.take(attempt), rows)
            else:
                missing.append(attempt)
        if missing:
            self._conclude_missing(missing)

    # Taking over

    def _adopt_folders(self) -> None:
        """What an earlier server left: attempts with a supervisor, and those whose job Slurm still lists."""
        for name in self._folders.attempt_names():
            attempt = AttemptId(name)
            if self._folders.attempt(attempt).claim.exists():
                self._book.take(attempt)
                self._attempts.tell(AttemptObserved(id=attempt, phase=Phase.STARTING))
                self._runner.look(attempt)

    def _adopt(self, attempt: AttemptId, rows: Sequence[JobRow]) -> None:
        known = self._attempts.phase(attempt)
        if known is Phase.ENDED:
            return
        has_folder = is_safe_name(attempt) and self._folders.attempt(attempt).path.exists()
        for row in rows:
            if row.id in self._book.forgotten:
                continue
            if known is None and not has_folder and (row.stage is Stage.OVER or self._was_forgotten(attempt)):
                continue
            self._book.take(attempt, row.id)
            if self._attempts.tell_if_unknown(AttemptObserved(id=attempt, phase=Phase.STARTING)):
                self._runner.look(attempt)
                self.changed()

    def _was_forgotten(self, attempt: AttemptId) -> bool:
        """Its supervisor has seen, or soon sees, that nobody wants it any more."""
        return is_safe_name(attempt) and (self._folders.logs / attempt).exists()

    # Following

    def _follow(self, attempt: AttemptId, entry: Entry, rows: Sequence[JobRow]) -> None:
        entry.ended_since_s = None
        now_s = time.monotonic()
        if entry.kill_at_s is not None and now_s > entry.kill_at_s + _KILL_AFTER_S:
            _log.warning("%s has not ended after its notice, so Slurm is told to kill it", attempt)
            self._runner.scancel(entry.jobs)
            entry.kill_at_s = now_s + _KILL_AFTER_S
        if self._attempts.status(attempt) is not None or any(row.stage is Stage.RUNNING for row in rows):
            entry.waiting_since_s = None
            self._cancel_doubles(attempt, entry, rows)
            return
        entry.waiting_since_s = entry.waiting_since_s or now_s
        waited_s = now_s - entry.waiting_since_s
        reason = rows[0].reason
        if not entry.given_up and (reason in _HOPELESS or waited_s > self._options.patience_s):
            entry.given_up = f"Slurm kept its job {rows[0].id} waiting for {waited_s:.0f} s: {reason}"
            self._runner.scancel(entry.jobs, "--state=PENDING")

    def _cancel_doubles(self, attempt: AttemptId, entry: Entry, rows: Sequence[JobRow]) -> None:
        """Of several jobs for one attempt the one that took it goes on; the others would find nothing to do."""
        owner = self._owner(attempt)
        doubles = [row.id for row in rows if owner and row.id != owner and row.part == 0 and row.stage is Stage.WAITING]
        if len(entry.jobs) > 1 and doubles:
            self._runner.scancel(doubles, "--state=PENDING")

    # Ending

    def _conclude(self, attempt: AttemptId, entry: Entry, rows: Iterable[JobRow]) -> None:
        """Slurm says that it is over. Its supervisor's own word counts, if it comes."""
        if self._runner.look(attempt):
            return
        owner = self._owner(attempt)
        own = [row for row in rows if row.id == owner] or list(rows)
        status = None
        with suppress(OSError):
            status = read_status(self._folders.attempt(attempt))
        now_s = time.monotonic()
        entry.ended_since_s = entry.ended_since_s or now_s
        is_told = status is not None and status["phase"] == Phase.ENDED
        if owner and not is_told and now_s - entry.ended_since_s < _WORD_S:
            return
        seen = Evidence(
            row=own[0] if own else None,
            was_taken=bool(owner),
            status=status,
            is_stopped=entry.kill_at_s is not None,
            given_up=entry.given_up,
            output=self._output(attempt),
        )
        if self._attempts.tell(verdict(attempt, seen)):
            self.changed()

    def _conclude_missing(self, missing: Sequence[AttemptId]) -> None:
        """Slurm does not list them any more: its accounting may know, or its completion log."""
        unsure = [attempt for attempt in missing if not self._runner.look(attempt)]
        ids = {job for attempt in unsure for job in self._book.jobs(attempt)}
        ids |= {owner for attempt in unsure if (owner := self._owner(attempt))}
        past = list(self._history(ids)) if ids else []
        for attempt in unsure:
            self._conclude(attempt, self._book.take(attempt), [row for row in past if row.name == attempt])

    def _history(self, ids: set[int]) -> Iterable[JobRow]:
        if self._can_sacct:
            text = ",".join(map(str, sorted(ids)))
            with suppress(ProviderError):
                code, said, complaint = self._commands.attempt("sacct", "-P", "-n", "-X", "-o", SACCT, "-j", text)
                if code == 0:
                    return list(past_rows(said))
                self._can_sacct = "disabled" not in complaint
        if self._options.completion_log:
            with suppress(OSError):
                return [row for row in completion_rows(_tail(Path(self._options.completion_log))) if row.id in ids]
        return []

    def _owner(self, attempt: AttemptId) -> int:
        """The job that took the attempt; 0 when none has."""
        with suppress(OSError, ValueError):
            return int(self._folders.attempt(attempt).claim.read_text(encoding="ascii") or 0)
        return 0

    def _output(self, attempt: AttemptId) -> str:
        try:
            return _tail(self._folders.attempt(attempt).path / OUTPUT)
        except OSError:
            return ""


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
        return file.read().decode(errors="replace")
