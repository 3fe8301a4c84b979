"""Running attempts on this machine: orders go to supervisors, news come back, and what a crash left is taken over."""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from tauon.model.attempt import StopCause
from tauon.model.errors import NotReady, ProviderError, Rejected
from tauon.model.ids import AttemptId
from tauon.ports.providers import Phase, Refusal, StartOrder, StopOrder
from tauon.providers.local.instructions import Instructor
from tauon.providers.local.launching import Launcher
from tauon.providers.local.remains import kill_remains, mark_lost
from tauon.supervision.instructions import SIGNALS, CannotStart
from tauon.supervision.node.claim import take_lock
from tauon.supervision.node.folders import AttemptFolder, Folders, is_safe_name, replace_file
from tauon.supervision.node.identity import Identity, boot_id, is_alive, open_pidfd, send_signal
from tauon.supervision.node.order import Status, StopNote
from tauon.supervision.tracking import Attempts, identity_of, read_status

Follow = Callable[[AttemptId, Identity], None]

_log = logging.getLogger(__name__)
_START_PATIENCE_S = 20.0
_GONE = ".gone-"  # no attempt's name begins so


class Runner:
    """What is done for one attempt at a time, by any thread; every order may come twice.

    `wake` tells the control plane that something is new.
    """

    def __init__(
        self, folders: Folders, attempts: Attempts, instructor: Instructor, *, instance: str, wake: Callable[[], None]
    ) -> None:
        self._folders = folders
        self._attempts = attempts
        self._instructor = instructor
        self._instance = instance
        self._wake = wake
        self._boot = boot_id()
        self._launcher = Launcher()
        self._follow: Follow = lambda *_: None
        self._looking = threading.Lock()  # what was read before an attempt was forgotten must not bring it back

    def open(self, follow: Follow) -> None:
        """Take over what an earlier server left: running attempts go on, lost ones are told of.

        `follow` asks to be told (by `gone`) when a supervisor has ended. Raises OSError.
        """
        self._follow = follow
        for name in self._folders.attempt_names():
            self.adopt(AttemptId(name))
        self._launcher.warm_up()

    def close(self) -> None:
        self._launcher.close()

    def start(self, order: StartOrder, gpu_indices: Mapping[str, int]) -> Refusal | None:
        """Take an order unless it was taken before."""
        attempt = order.attempt.id
        if not self._attempts.reserve(attempt):
            return None
        try:
            self._hand_over(order, gpu_indices)
        except CannotStart as error:
            self._refuse(attempt, str(error))
        except ProviderError as error:
            return Refusal(attempt=attempt, error=error)
        finally:
            self._attempts.settle(attempt)
        return None

    def stop(self, order: StopOrder) -> Refusal | None:
        """Tell the supervisor; the note that it finds counts, the signal only makes it look."""
        if order.signal not in SIGNALS:
            return Refusal(attempt=order.attempt, error=Rejected(f"{order.signal} can't be the notice"))
        self._attempts.wait_until_settled(order.attempt, _START_PATIENCE_S)
        supervisor = self._attempts.supervisor(order.attempt)
        if supervisor is None:
            return None
        number = signal.SIGUSR1
        try:
            self._leave_note(self._folders.attempt(order.attempt), order)
        except OSError as error:  # a job that filled the disk must be stoppable: then by its own notice
            _log.warning("%s: no order to stop can be written (%s), so it gets its own notice", order.attempt, error)
            number = signal.SIGTERM
        try:
            send_signal(supervisor, self._boot, number)
        except OSError as error:
            problem = NotReady(f"the supervisor of {order.attempt} can't be signalled: {error}", retry_after_s=1.0)
            return Refusal(attempt=order.attempt, error=problem)
        return None

    def look(self, attempt: AttemptId) -> None:
        """Read an attempt's status, and wake the control plane if it is new."""
        if not is_safe_name(attempt):
            return
        with self._looking:
            try:
                status = read_status(self._folders.attempt(attempt))
            except OSError as error:
                _log.warning("%s: its status can't be read now: %s", attempt, error)
                return
            is_news = status is not None and self._attempts.apply(status)
        if is_news:
            self._wake()

    def adopt(self, attempt: AttemptId) -> None:
        """Look at an attempt that was started just now or long ago, and follow its supervisor to its end."""
        self.look(attempt)
        supervisor = self._attempts.supervisor(attempt)
        if supervisor is not None:
            self._follow(attempt, supervisor)

    def look_around(self) -> None:
        """Find what no news came of: a supervisor that is gone, or a start whose ring was lost."""
        for attempt, supervisor in self._attempts.live():
            if not is_alive(supervisor, self._boot):
                self.gone(attempt)
            elif self._attempts.phase(attempt) is Phase.STARTING:
                self.look(attempt)

    def gone(self, attempt: AttemptId) -> None:
        """A supervisor has ended: its attempt is over, or it was killed and its processes must not run on unseen."""
        self.look(attempt)
        status = self._attempts.status(attempt)
        if status is None or self._attempts.phase(attempt) is Phase.ENDED:
            return
        folder = self._folders.attempt(attempt)
        try:
            lock = take_lock(folder)
        except OSError:  # its folder is gone too
            self._condemn(folder, status)
            return
        if lock is None:  # it lives; perhaps in another process namespace
            return
        try:
            self._condemn(folder, status)
        finally:
            os.close(lock)

    def forget(self, attempt: AttemptId) -> None:
        """Put an attempt's folder aside for `sweep`; its logs and its job's checkpoints stay."""
        if not is_safe_name(attempt):
            return
        self._make_sure_it_is_over(attempt)
        doomed = self._folders.attempts / f"{_GONE}{attempt}"
        with self._looking:
            self._attempts.forget(attempt)
            with suppress(OSError):  # if it stays it is seen again, and forgotten again
                self._folders.attempt(attempt).path.rename(doomed)  # at once and as a whole; the removal may take long

    def sweep(self) -> None:
        """Remove the folders that were put aside, by this server or by one before."""
        for path in self._folders.attempts.iterdir():
            if path.name.startswith(_GONE):
                shutil.rmtree(path, ignore_errors=True)

    def _hand_over(self, order: StartOrder, gpu_indices: Mapping[str, int]) -> None:
        reply = self._launcher.hand_over(self._instructor.write(order, gpu_indices))
        if not reply["is_taken"]:
            raise CannotStart(f"this machine could not start it: {reply['message']}")
        self.adopt(order.attempt.id)

    def _refuse(self, attempt: AttemptId, message: str) -> None:
        self._attempts.refuse(attempt, message)
        self._wake()

    def _leave_note(self, folder: AttemptFolder, order: StopOrder) -> None:
        """Write the order down, unless one is there that gives no more time. Raises OSError."""
        try:
            before = msgspec.json.decode(folder.stop.read_bytes(), type=StopNote)
        except (FileNotFoundError, msgspec.DecodeError):
            before = None
        if before is None or order.notice_s < before["notice_s"]:
            note = StopNote(signal=order.signal, notice_s=order.notice_s)
            replace_file(folder.stop, msgspec.json.encode(note))

    def _condemn(self, folder: AttemptFolder, status: Status) -> None:
        attempt = AttemptId(status["attempt"])
        marks = {f"TAUON_ATTEMPT={attempt}".encode(), f"TAUON_INSTANCE={self._instance}".encode()}
        if not kill_remains(status, self._boot, frozenset(marks)):
            _log.warning("%s: its supervisor is gone and some of its processes can't be killed yet", attempt)
            return
        is_restarted = identity_of(status["supervisor"]).boot != self._boot
        message = (
            "the machine was restarted" if is_restarted else "its supervisor was killed, so its processes were too"
        )
        if self._attempts.apply(mark_lost(folder, status, message)):
            self._wake()

    def _make_sure_it_is_over(self, attempt: AttemptId) -> None:
        """Nobody forgets what runs: if it does after all, it is killed first."""
        supervisor = self._attempts.supervisor(attempt)
        if supervisor is None:
            return
        self.stop(StopOrder(attempt=attempt, cause=StopCause.CANCELLED, notice_s=0.0))
        with suppress(OSError):
            descriptor = open_pidfd(supervisor, self._boot)
            if descriptor is not None:
                select.select([descriptor], [], [], _START_PATIENCE_S)
                os.close(descriptor)
