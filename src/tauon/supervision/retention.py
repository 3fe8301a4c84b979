"""How long logs and checkpoints are kept once nobody works with them any more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from tauon.supervision.node.folders import Folders

_DAY_S = 86_400.0


class Keeping(Protocol):
    """How long things are kept, and how much of them: a part of a pool's options."""

    @property
    def logs_keep_days(self) -> float: ...

    @property
    def logs_keep_mib(self) -> int: ...

    @property
    def checkpoints_keep_days(self) -> float: ...


class _Kept(NamedTuple):
    changed_at_s: float
    size: int
    path: Path


def touch_checkpoint(folders: Folders, job: str) -> None:
    """The job has worked with its checkpoints until now."""
    with suppress(OSError):
        os.utime(folders.checkpoints / job)


def prune(folders: Folders, options: Keeping, now_s: float) -> None:
    """Remove logs that are too old, the oldest ones beyond the space for logs, and checkpoints not used for too long.

    Logs of attempts, and checkpoints of jobs, that are not forgotten yet stay in any case.
    """
    attempts = set(folders.attempt_names())
    jobs = {attempt.rpartition("-")[0] for attempt in attempts}
    logs = sorted(_kept(folders.logs, attempts), reverse=True)
    room = options.logs_keep_mib << 20
    for kept in logs:
        room -= kept.size
        if room < 0 or kept.changed_at_s < now_s - options.logs_keep_days * _DAY_S:
            shutil.rmtree(kept.path, ignore_errors=True)
    for kept in _kept(folders.checkpoints, jobs):
        if kept.changed_at_s < now_s - options.checkpoints_keep_days * _DAY_S:
            shutil.rmtree(kept.path, ignore_errors=True)


def _kept(folder: Path, in_use: set[str]) -> Iterator[_Kept]:
    for path in folder.iterdir():
        if path.name in in_use:
            continue
        with suppress(OSError):
            stat = path.stat()
            size = sum(file.stat().st_size for file in path.iterdir())
            changed_at_s = max((file.stat().st_mtime for file in path.iterdir()), default=stat.st_mtime)
            yield _Kept(max(changed_at_s, stat.st_mtime), size, path)
