"""Which process a recorded process is: its pid alone may be somebody else's by now, its pid and start time can't.

Runs in the supervisor too, so it needs nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Identity(NamedTuple):
    """A process: its id, its start in kernel ticks since boot, and the boot that these are of."""

    pid: int
    started: int
    boot: str


class ProcessRow(NamedTuple):
    """What the kernel says about one process. `ticks` is the processor time of it and of its children that ended."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    ticks: int
    started: int
    resident_pages: int

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left but its entry."""
        return self.state in "ZXx"


def boot_id() -> str:
    """What names the time since this machine was last started."""
    return _BOOT_ID.read_bytes().decode().strip()


def parse_stat(text: bytes) -> ProcessRow:
    """Read `/proc/PID/stat` (see proc(5)); the command in it may hold spaces and brackets of its own."""
    pid, _, rest = text.partition(b" (")
    fields = rest.rpartition(b") ")[2].split()
    return ProcessRow(
        pid=int(pid),
        state=fields[0].decode("ascii"),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        ticks=int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14]),
        started=int(fields[19]),
        resident_pages=int(fields[21]),
    )


def process_row(pid: int) -> ProcessRow | None:
    """One process, or None when there is none with this id."""
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return None


def process_table() -> list[ProcessRow]:
    """Every process that can be seen."""
    rows = (process_row(int(name)) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - 5 times as fast
    return [row for row in rows if row is not None]


def descendants(root: int, table: list[ProcessRow]) -> list[ProcessRow]:
    """The children of a process, their children, and so on; without the process itself."""
    children: dict[int, list[ProcessRow]] = {}
    for row in table:
        children.setdefault(row.parent, []).append(row)
    found: list[ProcessRow] = []
    front = [root]
    while front:
        below = children.get(front.pop(), [])
        found += below
        front += [row.pid for row in below]
    return found


def identify(pid: int, boot: str) -> Identity | None:
    """The identity of a process that runs now, or None."""
    row = process_row(pid)
    return None if row is None or row.is_gone else Identity(pid, row.started, boot)


def is_alive(who: Identity, boot: str) -> bool:
    """Whether this very process still runs; `boot` names the present boot."""
    return who.boot == boot and identify(who.pid, boot) == who


def open_pidfd(who: Identity, boot: str) -> int | None:
    """A descriptor that stands for this very process and becomes readable at its end; None when it is gone.

    Raises OSError where the kernel has none to give (before Linux 5.3, or too many open files).
    """
    try:
        descriptor = os.pidfd_open(who.pid)
    except ProcessLookupError:
        return None
    if is_alive(who, boot):  # looked at after opening: the id can't change hands any more
        return descriptor
    os.close(descriptor)
    return None


def send_signal(who: Identity, boot: str, number: int) -> bool:
    """Signal this very process and no other; whether it was there."""
    try:
        descriptor = open_pidfd(who, boot)
    except OSError:
        if not is_alive(who, boot):
            return False
        os.kill(who.pid, number)
        return True
    if descriptor is None:
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True
