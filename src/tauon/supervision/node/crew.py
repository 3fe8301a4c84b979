"""The processes of an attempt as the kernel knows them: those that were started, and all that came from them."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from tauon.supervision.node.identity import ProcessRow, descendants, process_table


class Crew:
    """One process per rank, and how each ended. This process must be the only one that waits for children here."""

    def __init__(self) -> None:
        self._ranks: dict[int, int] = {}
        self._exits: dict[int, int] = {}
        self.first_failed: int | None = None

    @property
    def pids(self) -> Sequence[int]:
        """By rank."""
        return list(self._ranks)

    @property
    def exits(self) -> Sequence[int | None]:
        """By rank; None while it runs. A death by signal N is -N."""
        return [self._exits.get(pid) for pid in self._ranks]

    @property
    def is_done(self) -> bool:
        """Whether all that were started have ended; what they started may still run."""
        return len(self._exits) == len(self._ranks)

    def add(self, pid: int) -> None:
        """The process of the next rank, the leader of its own group."""
        self._ranks[pid] = len(self._ranks)

    def reap(self) -> bool:
        """Take note of all that ended since the last time; whether any process is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid in self._ranks:
                code = self._exits[pid] = os.waitstatus_to_exitcode(status)
                if code and self.first_failed is None:
                    self.first_failed = self._ranks[pid]

    def signal_groups(self, number: int) -> None:
        """Signal the whole group of every process that was started."""
        ended = {pid for pid in self._ranks if pid in self._exits}
        for pid in self._ranks.keys() - ended:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
        if ended:  # the number of a group whose leader was buried may be somebody else's: only our own are meant
            _signal_each([row for row in _below() if row.group in ended], number)

    def signal_all(self, number: int) -> None:
        """Signal every process that came from this one, those included which left their group."""
        _signal_each(_below(), number)

    def kill_all(self) -> None:
        self.signal_all(signal.SIGKILL)


def _below() -> list[ProcessRow]:
    return descendants(os.getpid(), process_table())


def _signal_each(rows: Sequence[ProcessRow], number: int) -> None:
    for row in rows:
        if not row.is_gone:
            with suppress(ProcessLookupError):
                os.kill(row.pid, number)
