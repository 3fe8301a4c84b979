"""From an address to a database: a path is SQLite, a `postgresql://` URL is PostgreSQL."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from tauon.model.errors import ConfigError
from tauon.store.database import Database
from tauon.store.sqlite import SqliteDatabase

# Imported only when asked for: its driver is an extra, and takes memory that an embedded server doesn't have to spend.
POSTGRES_ROOM = "tauon.store.postgres"


def database_at(address: str | Path) -> Database:
    """The database at a path, a `sqlite:///PATH` or a `postgresql://USER@HOST:PORT/NAME` URL.

    Raises ConfigError for any other address, and where PostgreSQL's driver is not installed.
    """
    scheme, separator, rest = str(address).partition("://")
    if not separator:
        return SqliteDatabase(Path(address))
    if scheme == "sqlite" and rest.startswith("/"):
        return SqliteDatabase(Path(rest))
    if scheme in ("postgresql", "postgres"):
        try:
            room = importlib.import_module(POSTGRES_ROOM)
        except ImportError as missing:
            raise ConfigError(
                f"PostgreSQL needs the driver psycopg ({missing}): pip install 'tauon[postgres]'"
            ) from missing
        return cast("Database", room.PostgresDatabase(str(address)))
    raise ConfigError(
        f"No database can be reached by {scheme}://: give a path, sqlite:///PATH or postgresql://USER@HOST:PORT/NAME"
    )
