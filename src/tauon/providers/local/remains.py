"""Ending what is left of an attempt whose supervisor was killed, and writing down that it is lost."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from tauon.supervision.node import cgroup
from tauon.supervision.node.folders import AttemptFolder, replace_file_durably
from tauon.supervision.node.identity import descendants, is_alive, process_table
from tauon.supervision.node.order import Ending, Phase, Status
from tauon.supervision.tracking import identity_of

_PATIENCE_S = 5.0
_AGAIN_S = 0.02


def mark_lost(folder: AttemptFolder, status: Status, message: str) -> Status:
    """The status of an attempt without a supervisor, as ended. It is written if the disk lets us, and true anyway."""
    lost = status.copy()
    lost["phase"] = Phase.ENDED
    lost["ending"] = Ending.LOST
    lost["message"] = message
    lost["revision"] += 1
    with suppress(OSError):
        replace_file_durably(folder.status, msgspec.json.encode(lost))
    return lost


def kill_remains(status: Status, boot: str, marks: frozenset[bytes]) -> bool:
    """Kill every process of an attempt without a supervisor; whether none is left.

    They are found by their parents, by their control groups, and by the variables that they were started with (`marks`,
    each `NAME=value`; all must be there): whoever is none of these is none of ours.
    """
    groups = [Path(path) for path in status["cgroups"]]
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        found = _remains(status, boot, groups, marks)
        if not found:
            for group in groups:
                cgroup.remove(group)
            return True
        if time.monotonic() > give_up_at:
            return False
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_AGAIN_S)


def _remains(status: Status, boot: str, groups: list[Path], marks: frozenset[bytes]) -> set[int]:
    table = process_table()
    found = {pid for group in groups for pid in cgroup.members(group)}
    found |= {row.pid for row in table if not row.is_gone and _is_marked(row.pid, marks)}
    for worker in status["workers"]:
        if is_alive(identity_of(worker), boot):
            found |= {worker["pid"], *(row.pid for row in descendants(worker["pid"], table) if not row.is_gone)}
    return found


def _is_marked(pid: int, marks: frozenset[bytes]) -> bool:
    try:
        return marks <= set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:  # gone, or somebody else's
        return False
