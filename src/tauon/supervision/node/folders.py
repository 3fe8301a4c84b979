"""Where everything of a pool lies: the attempts, their logs, the checkpoints of the jobs, and the doorbell.

Runs in the supervisor too, so it needs nothing but the standard library.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

DOORBELL = "wake.sock"
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def is_safe_name(name: str) -> bool:
    """Whether an id can be the name of a folder as it is."""
    return _SAFE.fullmatch(name) is not None


class AttemptFolder:
    """The folder of one attempt; it is gone when the attempt is forgotten."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.path / "lock"

    @property
    def claim(self) -> Path:
        """Holds the id of the batch job that runs it, where there can be more than one."""
        return self.path / "claim"

    @property
    def order(self) -> Path:
        """Only where it can't be handed over: it may hold secrets."""
        return self.path / "order.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def stop(self) -> Path:
        return self.path / "stop.json"

    @property
    def errors(self) -> Path:
        return self.path / "supervisor.log"

    def work(self, rank: int) -> Path:
        """Where a worker works."""
        return self.path / "work" / str(rank)


class Folders:
    """The provider's own folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.attempts = root / "attempts"
        self.logs = root / "logs"
        self.checkpoints = root / "checkpoints"
        self.doorbell = root / DOORBELL
        self.news = root / "news"

    def create(self) -> None:
        """Make what is missing. Raises OSError."""
        for folder in (self.root, self.attempts, self.logs, self.checkpoints):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def attempt(self, attempt: str) -> AttemptFolder:
        return AttemptFolder(self.attempts / attempt)

    def attempt_names(self) -> Iterator[str]:
        """The attempts that have a folder."""
        return (path.name for path in self.attempts.iterdir() if is_safe_name(path.name))


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees all of it or what was there before. Raises OSError."""
    _replace(path, data, finish=_leave_to_the_kernel)


def replace_file_durably(path: Path, data: bytes) -> None:
    """The same, and it outlives a loss of power. Raises OSError."""
    _replace(path, data, finish=os.fsync)


def _leave_to_the_kernel(descriptor: int) -> None:
    """It writes when it sees fit."""


def _replace(path: Path, data: bytes, *, finish: Callable[[int], None]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            finish(descriptor)
        finally:
            os.close(descriptor)
        draft.rename(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
