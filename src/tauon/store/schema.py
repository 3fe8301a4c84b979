"""Which schema a database has, and how it gets the newest one; the migrations themselves run in a process of their own."""

from __future__ import annotations

import secrets
import subprocess
import sys

from tauon.model.errors import ConfigError, StorageUnavailable
from tauon.store.database import Connection, Database
from tauon.store.statements import schema, statements

# Every revision in `migrations/`, oldest first; a test holds this list and Alembic's equal.
REVISIONS = ("0001",)
HEAD = REVISIONS[-1]

VERSION_TABLE = "alembic_version"
OWN_TABLE = "event"


def prepare(database: Database, writer: Connection) -> None:
    """Bring a database that this process alone may write to the newest schema; raises ConfigError if it isn't ours."""
    tables = _tables(database, writer)
    if not tables:
        _create(database, writer)
        return
    revision = _revision(database, writer, tables)
    if revision != HEAD:
        _migrate(database)
    if _meta(database, writer, "instance") is None:
        writer.execute(statements(database.marker)["insert_meta"].sql, ("instance", secrets.token_hex(6)))


def check(database: Database, connection: Connection) -> None:
    """Raise ConfigError unless a database that is only to be read has the newest schema."""
    tables = _tables(database, connection)
    if not tables:
        raise ConfigError(f"{database.place} is empty: start the server once, or give another address")
    if _revision(database, connection, tables) != HEAD:
        raise ConfigError(
            f"{database.place} has an older format: start this version's server once, which brings it up to date"
        )


def instance(database: Database, connection: Connection) -> str:
    """The id that this control plane was given when its database was made."""
    found = _meta(database, connection, "instance")
    if found is None:
        raise ConfigError(f"{database.place} has lost the id of its control plane: restore it from a backup")
    return found


def _tables(database: Database, connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute(database.tables).fetchall()}


def _meta(database: Database, connection: Connection, name: str) -> str | None:
    row = connection.execute(statements(database.marker)["meta"].sql, (name,)).fetchone()
    return row[0] if row else None


def _revision(database: Database, connection: Connection, tables: set[str]) -> str | None:
    """The revision of the schema, None before the first; raises ConfigError if it is newer or not ours."""
    if VERSION_TABLE not in tables:
        raise ConfigError(
            f"{database.place} holds something else than Tauon's journal: give Tauon a database of its own"
        )
    row = connection.execute(statements(database.marker)["revision"].sql).fetchone()
    if row is None or row[0] in REVISIONS:
        return row[0] if row else None
    if OWN_TABLE not in tables:
        raise ConfigError(f"{database.place} belongs to another program: give Tauon a database of its own")
    raise ConfigError(
        f"{database.place} was written by a newer Tauon (format {row[0]}, this version knows up to {HEAD}): "
        "install that version again, or restore the backup made before it"
    )


def _create(database: Database, writer: Connection) -> None:
    named = statements(database.marker)
    writer.execute(database.begin)
    for statement in schema(database.int64):
        writer.execute(statement)
    writer.execute(named["stamp"].sql, (HEAD,))
    writer.execute(named["insert_meta"].sql, ("instance", secrets.token_hex(6)))
    writer.execute("COMMIT")


def _migrate(database: Database) -> None:
    """Run the migrations where their machinery takes none of this server's memory; the address may hold a password."""
    done = subprocess.run(
        [sys.executable, "-m", "tauon.store.migrate"],
        input=database.url,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        error = StorageUnavailable if done.returncode == StorageUnavailable.exit_code else ConfigError
        raise error(f"{database.place} could not be brought up to date: {reason}")
