"""The seam between the store and its database: what differs between SQLite and PostgreSQL, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from tauon.model.errors import TauonError


class Cursor(Protocol):
    """As both drivers have it."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """As both drivers have it, in autocommit mode: transactions are begun and ended by statements."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...

    def close(self) -> None: ...


class Database(Protocol):
    """One database, by its address. Connections raise `errors`, which `explain` turns into ours."""

    place: str  # as messages name it: no password
    url: str
    marker: str  # of a parameter
    int64: str  # the type of a 64-bit integer
    begin: str
    begin_snapshot: str  # a transaction in which all reads see one moment
    tables: str  # a query for the names of all tables
    errors: tuple[type[Exception], ...]

    def open_writer(self) -> Connection:
        """A connection with the sole right to write. Raises ConfigError saying who else has it."""
        ...

    def open_reader(self) -> Connection:
        """A connection that can only read what is there."""
        ...

    def open_for_migration(self) -> Any:
        """A connection that may change the schema, for the child of the one that holds the sole right to write."""
        ...

    def is_lost(self, connection: Connection) -> bool:
        """Whether a connection broke, so that the same can be tried on another one."""
        ...

    def release(self) -> None:
        """Give up the right to write; its connection has been closed before."""
        ...

    def explain(self, error: Exception) -> TauonError:
        """What an error of the driver means, and what to do."""
        ...
