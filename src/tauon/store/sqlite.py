"""SQLite as a database of the store: one file beside its lock, in write-ahead mode, every commit on disk."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sqlite3
from pathlib import Path
from urllib.parse import quote

from tauon.model.errors import ConfigError, StorageUnavailable, TauonError
from tauon.store.database import Connection

BUSY_TIMEOUT_MS = 5_000
WAL_LIMIT_BYTES = 64 * 1024 * 1024
CHECKPOINT_PAGES = 4_000
CACHE_KIB = 8_000

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CONFIGURATION = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT})


class SqliteDatabase:
    """A file. Whoever writes holds a lock on `FILE.lock`, which names the process that does."""

    marker = "?"
    int64 = "INTEGER"
    begin = "BEGIN IMMEDIATE"
    begin_snapshot = "BEGIN"
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.place = self.url = str(self.path)
        self._lock: int | None = None

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")

    def open_writer(self) -> Connection:
        """The connection that writes; the right to do so is kept until `release`, whatever becomes of the connection."""
        if self._lock is None:
            self._lock = self._claim()
        connection = self._connect("rwc")
        try:
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def open_reader(self) -> Connection:
        connection = self._connect("rw")
        connection.execute("PRAGMA query_only = ON")
        return connection

    def open_for_migration(self) -> sqlite3.Connection:
        connection = self._connect("rw")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def is_lost(self, connection: Connection) -> bool:  # noqa: ARG002 - a file doesn't hang up
        return False

    def release(self) -> None:
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def explain(self, error: Exception) -> TauonError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
        primary = code & 0xFF
        if primary in _CONFIGURATION:
            return ConfigError(
                f"{self.place} is not a database or is damaged ({error}): "
                "restore it from a backup, or move it away to begin with an empty one"
            )
        if primary == sqlite3.SQLITE_ERROR:
            return ConfigError(
                f"{self.place} is not what this version expects ({error}): has another program changed it?"
            )
        what = {
            sqlite3.SQLITE_FULL: "the disk is full: free some space",
            sqlite3.SQLITE_READONLY: f"it can't be written ({error}): check its permissions and the file system",
            sqlite3.SQLITE_CANTOPEN: f"it can't be opened ({error}): check its folder and permissions",
            sqlite3.SQLITE_IOERR: f"the disk fails or is full ({error}, {_detail(error)}): look at it and at its free space",
            sqlite3.SQLITE_BUSY: "another program keeps it locked: end that one",
            sqlite3.SQLITE_CONSTRAINT: f"another program has written to it ({error})",
        }.get(primary, str(error))
        return StorageUnavailable(f"{self.place}: {what}")

    def _connect(self, mode: str) -> sqlite3.Connection:
        # Given from thread to thread, but never used by two at a time.
        return sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )

    def _claim(self) -> int:
        """Lock the file beside the database, which also keeps it private; raises ConfigError saying who has it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._explain_folder(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except BlockingIOError as taken:
            owner = os.pread(lock, 200, 0).decode(errors="replace") or "another process"
            os.close(lock)
            raise ConfigError(
                f"{self.place} is in use by another Tauon server ({owner}): stop that one, or give this one another folder"
            ) from taken
        except OSError as error:
            os.close(lock)
            raise self._explain_folder(error) from error
        return lock

    def _explain_folder(self, error: OSError) -> TauonError:
        folder = self.path.parent
        if error.errno in _DISK_FULL:
            return StorageUnavailable(f"{self.place}: the disk is full: free some space")
        if error.errno in (errno.EROFS, errno.EIO):
            return StorageUnavailable(f"{self.place} can't be written ({error.strerror}): check the file system")
        return ConfigError(
            f"{self.place} can't be written ({error.strerror}): let this user write to {folder}, or choose another folder"
        )


def _detail(error: Exception) -> str:
    return str(getattr(error, "sqlite_errorname", ""))
