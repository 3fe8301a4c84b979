"""PostgreSQL as a database of the store; the only room that imports its driver."""

from __future__ import annotations

import os
import socket
from typing import Any, cast

import psycopg
from psycopg import conninfo

from tauon.model.errors import ConfigError, StorageUnavailable, TauonError
from tauon.store.database import Connection

OLDEST = 15
# A server that was killed leaves its session, and with it the lock, for as long as PostgreSQL needs to notice.
CLAIM_TIMEOUT_MS = 3_000
# "taun" and the schema: two control planes may share a database in schemas of their own.
CLAIM = "1952544110, hashtext(current_schema())"

_WHO = """
SELECT a.application_name FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid::bigint = 1952544110 AND l.objid::bigint = (hashtext(current_schema())::bigint & 4294967295)
"""
# A peer that vanished without a word is noticed within half a minute; what the address says goes first.
_ALERT = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


class PostgresDatabase:
    """A database of a server. Whoever writes holds a session's advisory lock and names itself in `application_name`."""

    marker = "%s"
    int64 = "BIGINT"
    begin = "BEGIN"
    begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._given: dict[str, Any] = conninfo.conninfo_to_dict(url)
        except psycopg.Error as error:
            raise ConfigError(
                f"The address of the database is wrong ({_first_line(error)}): give postgresql://USER@HOST:PORT/NAME"
            ) from error
        host, port, name = (self._given.get(key, "") for key in ("host", "port", "dbname"))
        self.place = f"postgresql://{host}{':' if port else ''}{port}/{name}"

    def open_writer(self) -> Connection:
        """The connection that writes; the right to do so lives and dies with it."""
        connection = self._connect("server")
        try:
            # An acknowledged event is on disk, whatever the server's own setting is.
            connection.execute("SET synchronous_commit = on")
            self._claim(connection)
        except BaseException:
            connection.close()
            raise
        return cast("Connection", connection)

    def open_reader(self) -> Connection:
        connection = self._connect("reader")
        connection.execute("SET default_transaction_read_only = on")
        return cast("Connection", connection)

    def open_for_migration(self) -> psycopg.Connection[Any]:
        return self._connect("migration")

    def is_lost(self, connection: Connection) -> bool:
        return cast("psycopg.Connection[Any]", connection).closed

    def release(self) -> None:
        """The lock went with the connection."""

    def explain(self, error: Exception) -> TauonError:
        state = getattr(error, "sqlstate", None) or ""
        text = _first_line(error)
        if state[:2] in ("28", "3D", "3F") or state == "42501":
            return ConfigError(f"{self.place} refuses this user or does not exist: {text}")
        if state[:2] in ("22", "42"):
            return ConfigError(
                f"{self.place} is not what this version expects ({text}): has another program changed it?"
            )
        if state[:2] == "53":
            return StorageUnavailable(f"{self.place} is out of space, memory or connections ({text}): give it more")
        if state[:2] == "23":
            return StorageUnavailable(f"{self.place}: another program has written to it ({text})")
        if state:
            return StorageUnavailable(f"{self.place} can't do it now: {text}")
        return StorageUnavailable(f"{self.place} does not answer: {text}")

    def _connect(self, role: str) -> psycopg.Connection[Any]:
        name = f"tauon {role}, process {os.getpid()} on {socket.gethostname()}"
        given = _ALERT | self._given | {"application_name": name[:63]}
        connection = psycopg.connect(autocommit=True, **given)
        version = connection.info.server_version
        if version < OLDEST * 10_000:
            connection.close()
            raise ConfigError(f"{self.place} is PostgreSQL {version // 10_000}; Tauon needs {OLDEST} or newer")
        return connection

    def _claim(self, connection: psycopg.Connection[Any]) -> None:
        try:
            connection.execute(f"SET lock_timeout = {CLAIM_TIMEOUT_MS}")
            connection.execute(f"SELECT pg_advisory_lock({CLAIM})")
            connection.execute("SET lock_timeout = 0")
        except psycopg.errors.LockNotAvailable as taken:
            owner = connection.execute(_WHO).fetchone()
            raise ConfigError(
                f"{self.place} is in use by another Tauon server ({owner[0] if owner else 'unknown'}): "
                "stop that one, or give this one a database of its own"
            ) from taken


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
