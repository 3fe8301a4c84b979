"""The port of kept checkpoints: what a job saved in one place, so that its next attempt can go on in another."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from tauon.model.ids import JobId


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One whole checkpoint that is kept: its number (from 1, in order), its size, and what of that had to be sent."""

    number: int
    files: int
    bytes_all: int
    bytes_sent: int = 0


class CheckpointStore(Protocol):
    """Checkpoints by job. Calls block: they belong in a thread.

    Raises Unavailable when what is kept can't be reached or written now; nothing that was published is lost by that.
    """

    def newest(self, job: JobId) -> int:
        """The number of the newest that was published; 0 when there is none."""
        ...

    def save(self, job: JobId, folder: Path) -> Kept | None:
        """Keep what is in a folder, sending only what is not there yet; None when it changed meanwhile or is empty."""
        ...

    def restore(self, job: JobId, folder: Path) -> Kept | None:
        """Make a folder what the newest whole checkpoint was: a broken one is passed over for the one before.

        None when there is none; the folder is then left as it is.
        """
        ...

    def forget(self, job: JobId) -> None:
        """Keep nothing of a job any more."""
        ...
