"""Which attempts have checkpoints that travel, and how far each has come; known again after a restart."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tauon.model.ids import AttemptId
from tauon.model.job import Job


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose checkpoint travels. `brought`: what there was of it has been restored."""

    job: Job
    brought: bool = False
    stopped: bool = False


class Carried:
    """The attempts whose checkpoints travel, in files that outlive this process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._entries: dict[AttemptId, _Entry] = {}
        for path in folder.glob("*.json"):
            with suppress(OSError, msgspec.DecodeError):
                self._entries[AttemptId(path.stem)] = msgspec.json.decode(path.read_bytes(), type=_Entry)

    def __contains__(self, attempt: AttemptId) -> bool:
        return attempt in self._entries

    def job(self, attempt: AttemptId) -> Job:
        return self._entries[attempt].job

    def is_brought(self, attempt: AttemptId) -> bool:
        entry = self._entries.get(attempt)
        return entry is not None and entry.brought

    def is_stopped(self, attempt: AttemptId) -> bool:
        entry = self._entries.get(attempt)
        return entry is None or entry.stopped

    def add(self, attempt: AttemptId, job: Job) -> None:
        self._put(attempt, _Entry(job=job))

    def brought(self, attempt: AttemptId) -> None:
        self._put(attempt, replace(self._entries[attempt], brought=True))

    def stop(self, attempt: AttemptId) -> None:
        entry = self._entries.get(attempt)
        if entry is not None and not entry.stopped:
            self._put(attempt, replace(entry, stopped=True))

    def drop(self, attempt: AttemptId) -> Job | None:
        entry = self._entries.pop(attempt, None)
        if entry is None:
            return None
        (self._folder / f"{attempt}.json").unlink(missing_ok=True)
        return entry.job

    def _put(self, attempt: AttemptId, entry: _Entry) -> None:
        self._entries[attempt] = entry
        draft = self._folder / f"{attempt}.new"
        draft.write_bytes(msgspec.json.encode(entry))
        draft.replace(self._folder / f"{attempt}.json")
