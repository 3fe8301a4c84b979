"""Bring a database to the newest schema: `python -m tauon.store.migrate`, with the address on standard input."""

from __future__ import annotations

import sys

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, pool

from tauon.model.errors import TauonError
from tauon.store.address import database_at
from tauon.store.database import Database

DIALECTS = {"?": "sqlite://", "%s": "postgresql+psycopg://"}


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's settings: where the revisions are, and the connection on which to run them."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "tauon.store:migrations")
    return config


def migrate(database: Database, revision: str = "head") -> None:
    """Run what is missing up to a revision, in one transaction."""
    engine = sqlalchemy.create_engine(
        DIALECTS[database.marker], creator=database.open_for_migration, poolclass=pool.NullPool
    )
    # The drivers are in autocommit mode, so that the schema too changes in a transaction, in SQLite as well.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(database.begin))
    with engine.begin() as connection:
        command.upgrade(configuration(connection), revision)


def main() -> int:
    database = database_at(sys.stdin.read().strip())
    try:
        migrate(database)
    except TauonError as error:
        return _fail(str(error), error.exit_code)
    except database.errors as error:
        explained = database.explain(error)
        return _fail(str(explained), explained.exit_code)
    except sqlalchemy.exc.DBAPIError as error:
        explained = database.explain(error.orig if isinstance(error.orig, Exception) else error)
        return _fail(str(explained), explained.exit_code)
    return 0


def _fail(message: str, exit_code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
