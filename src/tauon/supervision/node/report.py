"""The status that a supervisor keeps of its attempt: a small file replaced as a whole, and a ring at the server's door."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tauon.supervision.node.folders import DOORBELL, Folders, replace_file, replace_file_durably
from tauon.supervision.node.identity import Identity, boot_id, identify
from tauon.supervision.node.order import (
    STATUS_VERSION,
    Ending,
    Phase,
    ProcessStatus,
    Status,
    StopNote,
    SupervisionOrder,
)

_RING_PATIENCE_S = 1.0
_DISK_PATIENCE_S = 1.0


def doorbell(folders: Folders) -> Callable[[str], None]:
    """How to tell a server on this machine that there is something new of an attempt."""
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.settimeout(_RING_PATIENCE_S)
    # Through a descriptor the path stays below the 107 bytes that an address may have, however deep the folder is.
    door = f"/proc/self/fd/{os.open(folders.root, os.O_PATH | os.O_DIRECTORY)}/{DOORBELL}"

    def ring(attempt: str) -> None:
        with suppress(OSError):  # nobody is there: whoever comes next reads the file
            bell.sendto(attempt.encode(), door)

    return ring


def pigeonhole(folders: Folders) -> Callable[[str], None]:
    """How to tell a server on another machine: by an empty file with the attempt's name, in a folder that it looks in."""

    def put(attempt: str) -> None:
        with suppress(OSError):
            Path(folders.news / attempt).touch(mode=0o600)

    return put


class Report:
    """The status of one attempt; every change is on disk before the server is told to look."""

    def __init__(self, order: SupervisionOrder, folders: Folders, ring: Callable[[str], None]) -> None:
        self._folder = folders.attempt(order["attempt"])
        self._boot = boot_id()
        self._ring = ring
        self._status = Status(
            version=STATUS_VERSION,
            attempt=order["attempt"],
            revision=0,
            phase=Phase.STARTING,
            ending="",
            exits=[None] * len(order["workers"]),
            failed_rank=None,
            message="",
            supervisor=self._known(os.getpid()),
            workers=[],
            cgroups=[group["path"] for worker in order["workers"] for group in worker["cgroups"]],
        )

    def begin(self) -> None:
        """Write the first status; with it the order is taken. Raises OSError."""
        self._write()

    def running(self, pids: Sequence[int]) -> None:
        """All workers run. A full disk only delays the news: the next look of the server finds them by their parent."""
        self._status["phase"] = Phase.RUNNING
        self._status["workers"] = [self._known(pid) for pid in pids]
        with suppress(OSError):
            self._write()
        self._ring(self._status["attempt"])

    def told_to_end(self) -> None:
        """The machine or the engine wants it to end, and no order of the server: goes with the next status."""
        self._status["told_to_end"] = True

    def ended(self, ending: Ending, exits: Sequence[int | None], failed_rank: int | None, message: str) -> None:
        """It is over. This is told once and must not be lost, so a full disk is waited for; a folder taken away is not."""
        status = self._status
        status["phase"] = Phase.ENDED
        status["ending"] = ending
        status["exits"] = list(exits)
        status["failed_rank"] = failed_rank
        status["message"] = message
        while True:
            try:
                self._write_durably()
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(_DISK_PATIENCE_S)
            else:
                break
        self._ring(self._status["attempt"])

    @property
    def is_wanted(self) -> bool:
        """Whether there is still a place where anybody could read it."""
        try:
            self._folder.status.stat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def stop_note(self) -> StopNote | None:
        """The newest order to stop, if there is one."""
        try:
            note: StopNote = json.loads(self._folder.stop.read_bytes())
        except (OSError, ValueError):  # what can not be read is no order; the server then signals another way
            return None
        return note

    def _known(self, pid: int) -> ProcessStatus:
        who = identify(pid, self._boot) or Identity(pid, 0, self._boot)
        return ProcessStatus(pid=who.pid, started=who.started, boot=who.boot)

    def _encoded(self) -> bytes:
        self._status["revision"] += 1
        return json.dumps(self._status).encode()

    def _write(self) -> None:
        replace_file(self._folder.status, self._encoded())

    def _write_durably(self) -> None:
        replace_file_durably(self._folder.status, self._encoded())
