"""How an attempt's end is put in one sentence for people."""

from __future__ import annotations

import signal
from collections.abc import Sequence


def describe_exit(code: int) -> str:
    """What an exit code says: `exited with code 3`, `was killed by SIGSEGV`."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}"


def describe_memory(memory_mib: int) -> str:
    return f"was killed: used more than its {memory_mib} MiB of memory"


def describe_failure(rank: int, workers: int, what: str) -> str:
    """The worker whose failure ended the attempt; the others are mentioned only where there are any."""
    if workers == 1:
        return f"the worker {what}"
    return f"worker {rank} {what}; the other workers were stopped because of it"


def describe_stop(exits: Sequence[int | None], notice_s: float) -> str:
    """How workers that were told to stop took it."""
    if notice_s <= 0:
        return "killed at once, as ordered"
    late = [rank for rank, code in enumerate(exits) if code == -signal.SIGKILL]
    if not late:
        return "stopped within its notice"
    who = "it" if len(exits) == 1 else "worker " + ", ".join(map(str, late))
    return f"killed: {who} had not ended {notice_s:g} s after the notice"
