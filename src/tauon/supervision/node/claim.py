"""Taking an order exactly once: whoever holds the lock in the attempt's folder, and wrote its first status, runs it."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import time
from pathlib import Path

from tauon.supervision.node.folders import AttemptFolder, Folders
from tauon.supervision.node.order import SupervisionOrder
from tauon.supervision.node.report import Report, doorbell

_LOCK_PATIENCE_S = 5.0


class NotTaken(Exception):
    """Why an order is not taken."""


def claim(order: SupervisionOrder, line: socket.socket) -> Report | None:
    """The report of an attempt that is ours from now on, or None when it was taken before.

    The lock goes when this process does, whatever ends it. Raises NotTaken, and OSError when the folder can't be used.
    """
    folders = Folders(Path(order["root"]))
    folder = folders.attempt(order["attempt"])
    folder.path.mkdir(mode=0o700, exist_ok=True)
    if _wait_for_lock(folder) is None:  # else it stays locked until this process ends
        return None
    if folder.status.exists():
        return None
    if (folders.logs / order["attempt"]).exists():  # it ran, ended and was forgotten: logs are made after the status
        return None
    if _is_closed(line):
        raise NotTaken("the server went away before the attempt was taken")
    errors = os.open(folder.errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(errors, 2)
    os.close(errors)
    report = Report(order, folders, doorbell(folders))
    report.begin()
    return report


def _wait_for_lock(folder: AttemptFolder) -> int | None:
    """The lock; None when another process has it and has taken the attempt. One that has not yet may still let go of
    it, if its server went away meanwhile: then nobody would have the attempt."""
    give_up_at = time.monotonic() + _LOCK_PATIENCE_S
    while (lock := take_lock(folder)) is None and not folder.status.exists() and time.monotonic() < give_up_at:
        time.sleep(0.005)
    return lock


def take_lock(folder: AttemptFolder) -> int | None:
    """The descriptor that holds the lock for as long as it is open; None when another process has it. Raises OSError."""
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_closed(line: socket.socket) -> bool:
    """Whether nobody waits for our answer: a giver that restarted has asked anew, or will."""
    poll = select.poll()
    poll.register(line, select.POLLRDHUP)
    return bool(poll.poll(0))
