"""Running attempts as batch jobs: orders become jobs once, and what Slurm and the supervisors say becomes news."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from tauon.model.errors import NotReady, ProviderError, Rejected
from tauon.model.ids import AttemptId
from tauon.ports.providers import AttemptObserved, Phase, ProviderContext, Refusal, StartOrder, StopOrder
from tauon.providers.slurm.book import Book
from tauon.providers.slurm.commands import explain, is_gone
from tauon.providers.slurm.listing import SQUEUE, JobRow, job_rows
from tauon.providers.slurm.orders import Scribe
from tauon.providers.slurm.submission import mark, parts_of
from tauon.providers.slurm.submitters import Submitters
from tauon.supervision.instructions import SIGNALS, CannotStart, read_document
from tauon.supervision.node.folders import Folders, is_safe_name, replace_file
from tauon.supervision.node.order import StopNote
from tauon.supervision.tracking import Attempts, read_status

Jobs = Mapping[AttemptId, Sequence[JobRow]]
Listing = Callable[[], Jobs]

_log = logging.getLogger(__name__)
_GONE = ".gone-"  # no attempt's name begins so
_AT_ONCE = 500  # ids on one command line


class Runner:
    """What is done for attempts, by any thread; every order may come twice. `wake` says that something is new."""

    def __init__(
        self,
        context: ProviderContext,
        folders: Folders,
        attempts: Attempts,
        book: Book,
        scribe: Scribe,
        submitters: Submitters,
    ) -> None:
        self._folders = folders
        self._book = book
        self._prefix = mark(context.instance, context.pool.name)
        self._attempts = attempts
        self._scribe = scribe
        self._submitters = submitters
        self._commands = submitters.commands
        self._wake = context.wake
        self._looking = threading.Lock()  # what was read before an attempt was forgotten must not bring it back

    def listing(self) -> Jobs:
        """Our jobs that are not over, by attempt, with one command. Other users' jobs are not in it, whatever they write
        into a comment. Raises ProviderError."""
        return self._list()

    def full_listing(self) -> Jobs:
        """The same with those that ended lately; after a busy time these are many. Raises ProviderError."""
        return self._list("-t", "all")

    def _list(self, *which: str) -> Jobs:
        said = self._commands.run("squeue", "-h", "-a", "-r", *which, "-u", str(os.geteuid()), "-O", SQUEUE)
        found: dict[AttemptId, list[JobRow]] = {}
        for row in job_rows(said):
            if row.comment.startswith(self._prefix):
                found.setdefault(AttemptId(row.comment.removeprefix(self._prefix)), []).append(row)
        return found

    # Starting

    def accept(self, order: StartOrder) -> bool:
        """Whether it is for us to submit this order, rather than somebody at it already. Raises Rejected."""
        read_document(order)
        parts_of(order)
        return self._attempts.reserve(order.attempt.id)

    def submit(self, order: StartOrder, listing: Listing) -> Refusal | None:
        """Submit an order that was accepted. `listing` gives our jobs in Slurm as they are after this call began."""
        attempt = order.attempt.id
        try:
            self._submit(order, listing)
        except CannotStart as error:
            self._attempts.refuse(attempt, str(error))
            self._wake()
        except OSError as error:
            problem = NotReady(f"the pool's shared folder can't be written: {error}", retry_after_s=5.0)
            return Refusal(attempt=attempt, error=problem)
        except ProviderError as error:
            return Refusal(attempt=attempt, error=error)
        finally:
            self._attempts.settle(attempt)
        return None

    def refuse(self, refusal: Refusal) -> None:
        """Tell of a refusal that came too late to be an answer. What may succeed yet is ordered again once a full look
        does not list it."""
        if not isinstance(refusal.error, NotReady):
            self._attempts.refuse(refusal.attempt, str(refusal.error))
            self._wake()

    def _submit(self, order: StartOrder, listing: Listing) -> None:
        attempt = order.attempt.id
        if is_safe_name(attempt):
            begun = (self._folders.attempts / attempt).exists()  # by a server before, or by another at this moment
            if begun and self._take_over(attempt, listing()):
                return
            if not begun and (self._folders.logs / attempt).exists():
                return  # it ran, ended and was forgotten
        if self._book.is_unwanted(attempt):
            raise CannotStart("stopped before it had started")
        script = self._scribe.write(order)
        try:
            job = self._submitters.submit(str(script))
        except ProviderError as error:
            if isinstance(error, Rejected):
                shutil.rmtree(script.parent, ignore_errors=True)
            raise
        self._take(attempt, job)
        if self._book.is_unwanted(attempt):  # told meanwhile
            self._signal([job], [job])

    def _take(self, attempt: AttemptId, job: int | None) -> None:
        self._book.take(attempt, job)
        self._attempts.tell(AttemptObserved(id=attempt, phase=Phase.STARTING))

    def _take_over(self, attempt: AttemptId, known: Jobs) -> bool:
        """Whether a job or a supervisor has the attempt already."""
        rows = known.get(attempt, ())
        for row in rows:
            self._take(attempt, row.id)
        is_taken = self._folders.attempt(attempt).claim.exists()
        if is_taken:
            self._take(attempt, None)
            self.look(attempt)
        return bool(rows) or is_taken

    # Stopping

    def stop(self, orders: Sequence[StopOrder]) -> Sequence[Refusal]:
        """Leave each supervisor a note and a signal to read it; what waits in Slurm's queue still is cancelled."""
        refusals = []
        waiting: list[int] = []
        running: list[int] = []
        for order in orders:
            if order.signal not in SIGNALS:
                refusals.append(Refusal(attempt=order.attempt, error=Rejected(f"{order.signal} can't be the notice")))
                continue
            if self._attempts.phase(order.attempt) in (None, Phase.ENDED):
                continue
            try:
                self._leave_note(order)
            except OSError as error:
                _log.warning("%s: no order to stop can be written (%s), so Slurm ends it", order.attempt, error)
                self._book.want_end(order.attempt, 0.0)
            jobs = self._book.jobs(order.attempt)
            running += jobs
            if self._attempts.status(order.attempt) is None:
                waiting += jobs
        try:
            self._signal(waiting, running)
        except ProviderError as error:
            refusals += [Refusal(attempt=order.attempt, error=error) for order in orders]
        return refusals

    def _signal(self, waiting: Iterable[int], running: Iterable[int]) -> None:
        """Take out of Slurm's queue what is in it still, and let the supervisors read their notes."""
        self.scancel(waiting, "--state=PENDING")
        self.scancel(running, "--batch", "--signal=USR1")

    def _leave_note(self, order: StopOrder) -> None:
        """Write the order down, unless one is there that gives no more time. Raises OSError."""
        folder = self._folders.attempt(order.attempt)
        self._book.want_end(order.attempt, order.notice_s)
        if not folder.path.exists():
            return
        try:
            before = msgspec.json.decode(folder.stop.read_bytes(), type=StopNote)
        except (FileNotFoundError, msgspec.DecodeError):
            before = None
        if before is None or order.notice_s < before["notice_s"]:
            replace_file(folder.stop, msgspec.json.encode(StopNote(signal=order.signal, notice_s=order.notice_s)))

    def scancel(self, jobs: Iterable[int], *how: str) -> None:
        """Cancel or signal jobs, some of which may be over. Raises ProviderError."""
        ids = sorted(set(jobs))
        for first in range(0, len(ids), _AT_ONCE):
            code, _, complaint = self._commands.attempt(
                "scancel", *how, *(str(job) for job in ids[first : first + _AT_ONCE])
            )
            left = [line for line in complaint.splitlines() if line.strip() and not is_gone(line)]
            if code and left:
                raise explain("scancel", "\n".join(left))

    # News

    def look(self, attempt: AttemptId) -> bool:
        """Read an attempt's status, and wake the control plane if it is new; whether it has ended by itself."""
        if not is_safe_name(attempt):
            return False
        with self._looking:
            try:
                status = read_status(self._folders.attempt(attempt))
            except OSError as error:
                _log.warning("%s: its status can't be read now: %s", attempt, error)
                return False
            if status is None:
                return False
            if status["phase"] == Phase.ENDED and status.get("told_to_end"):
                return False  # by Slurm, which says why
            is_news = self._attempts.apply(status)
        if is_news:
            self._wake()
        return status["phase"] == Phase.ENDED

    def read_news(self) -> None:
        """Look at what the supervisors have put into the folder for it."""
        for name in os.listdir(self._folders.news):  # noqa: PTH208 - one call, whatever there is
            (self._folders.news / name).unlink(missing_ok=True)  # before reading: what comes after makes another
            if is_safe_name(name):
                self.look(AttemptId(name))

    # The end

    def forget(self, attempt: AttemptId) -> None:
        """Put an attempt's folder aside for `sweep`; its logs and its job's checkpoints stay."""
        if not is_safe_name(attempt):
            return
        if self._attempts.phase(attempt) not in (None, Phase.ENDED):
            self.scancel(self._book.jobs(attempt))
        doomed = self._folders.attempts / f"{_GONE}{attempt}"
        with self._looking:
            self._attempts.forget(attempt)
            self._book.drop(attempt)
            with suppress(OSError):  # if it stays it is seen again, and forgotten again
                self._folders.attempt(attempt).path.rename(doomed)

    def sweep(self) -> None:
        """Remove the folders that were put aside, by this server or by one before."""
        for path in self._folders.attempts.iterdir():
            if path.name.startswith(_GONE):
                shutil.rmtree(path, ignore_errors=True)
