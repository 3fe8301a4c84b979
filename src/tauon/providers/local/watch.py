"""The thread that hears of changes: a supervisor rings, a supervisor is gone, or it is time for a look around."""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from tauon.model.ids import AttemptId
from tauon.supervision.node.folders import DOORBELL, Folders
from tauon.supervision.node.identity import Identity, boot_id, open_pidfd

_log = logging.getLogger(__name__)


class Watch:
    """Waits for news and passes them on, in its own thread; it sleeps for as long as there are none.

    `rang` and `gone` are told the attempt; `look` looks around and says after how many seconds to do so again, or
    None to leave it until the next news.
    """

    def __init__(
        self,
        folders: Folders,
        *,
        rang: Callable[[AttemptId], None],
        gone: Callable[[AttemptId], None],
        look: Callable[[], float | None],
    ) -> None:
        self._rang = rang
        self._gone = gone
        self._look = look
        self._boot = boot_id()
        self._selector = selectors.DefaultSelector()
        self._bell = _hang_bell(folders)
        self._selector.register(self._bell, selectors.EVENT_READ, self._hear)
        self._alarm, self._nudge = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._alarm, selectors.EVENT_READ, self._wake)
        self._requests: deque[tuple[AttemptId, Identity]] = deque()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="tauon-local-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def follow(self, attempt: AttemptId, supervisor: Identity) -> None:
        """Say so (once) when this very supervisor is gone. May be called from any thread."""
        self._requests.append((attempt, supervisor))
        self.nudge()

    def nudge(self) -> None:
        """Look around soon. May be called from any thread."""
        with suppress(BlockingIOError, OSError):  # full: it will wake anyway
            os.write(self._nudge, b"!")

    def close(self) -> None:
        """End the thread; what it waited for goes on."""
        self._is_closing = True
        self.nudge()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, str):
                os.close(key.fd)
        self._selector.close()
        self._bell.close()
        os.close(self._alarm)
        os.close(self._nudge)

    def _run(self) -> None:
        due: float | None = time.monotonic()
        while not self._is_closing:
            ready = self._selector.select(None if due is None else max(0.0, due - time.monotonic()))
            try:
                for key, _ in ready:
                    if isinstance(key.data, str):
                        self._end(key.fd, AttemptId(key.data))
                    else:
                        key.data()
                while self._requests:
                    self._begin(*self._requests.popleft())
                now = time.monotonic()
                if due is None or now >= due:
                    after_s = self._look()
                    due = None if after_s is None else now + after_s
            except Exception:  # noqa: BLE001 - the pool must not go deaf because one attempt has a fault
                _log.exception("a look at the local attempts failed")
                due = time.monotonic() + 1.0

    def _begin(self, attempt: AttemptId, supervisor: Identity) -> None:
        try:
            descriptor = open_pidfd(supervisor, self._boot)
        except OSError:  # none to be had: the look around finds out
            return
        if descriptor is None:
            self._gone(attempt)
        else:
            self._selector.register(descriptor, selectors.EVENT_READ, str(attempt))

    def _end(self, descriptor: int, attempt: AttemptId) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        self._gone(attempt)

    def _hear(self) -> None:
        attempts: dict[AttemptId, None] = {}  # two changes of one attempt are one look
        with suppress(BlockingIOError):
            while True:
                attempts[AttemptId(self._bell.recv(512).decode(errors="replace"))] = None
        for attempt in attempts:
            self._rang(attempt)

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._alarm, 4096)


def _hang_bell(folders: Folders) -> socket.socket:
    """The socket that supervisors ring at; it takes the place of one of a server before."""
    with suppress(FileNotFoundError):
        folders.doorbell.unlink()
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    door = os.open(folders.root, os.O_PATH | os.O_DIRECTORY)
    try:
        bell.bind(f"/proc/self/fd/{door}/{DOORBELL}")  # an address holds 107 bytes, a path may be longer
    finally:
        os.close(door)
    return bell
