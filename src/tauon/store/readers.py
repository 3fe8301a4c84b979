"""The connections that read: a few kept open, each used by one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from tauon.model.errors import StorageUnavailable
from tauon.store.database import Connection, Database

KEPT = 4
AT_ONCE = 16

T = TypeVar("T")


class Readers:
    """Lends connections to threads that read: keeps `KEPT` of them, and lets at most `AT_ONCE` read at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._closed = False

    def read(self, query: Callable[[Connection], T]) -> T:
        """What a query answers; a connection that hung up while it was idle costs one more try, not an error."""
        with self._places:
            connection, was_idle = self._take()
            try:
                return self._ask(connection, query)
            except self._database.errors:
                if not (was_idle and self._database.is_lost(connection)):
                    raise
            # The server has been away: the other idle ones have hung up too.
            self._close_idle()
            return self._ask(self._database.open_reader(), query)

    def _ask(self, connection: Connection, query: Callable[[Connection], T]) -> T:
        try:
            answer = query(connection)
        except BaseException:
            if not self._database.is_lost(connection):
                connection.close()
            raise
        self._give_back(connection)
        return answer

    def close(self) -> None:
        self._closed = True
        self._close_idle()

    def _take(self) -> tuple[Connection, bool]:
        with self._lock:
            if self._closed:
                raise StorageUnavailable(f"{self._database.place} has been closed")
            if self._idle:
                return self._idle.pop(), True
        return self._database.open_reader(), False

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if len(self._idle) < KEPT and not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(*self._database.errors):
                connection.close()
