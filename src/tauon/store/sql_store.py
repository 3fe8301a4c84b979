"""The durable store: groups of events with their rows in one transaction, a restart's state, and what is listed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from tauon.model.attempt import Attempt
from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.errors import ConfigError, StorageUnavailable
from tauon.model.event import Event
from tauon.model.ids import JobId
from tauon.model.job import Job, JobState
from tauon.model.node import Node
from tauon.model.stored import StoredState
from tauon.model.usage import UsageRecord
from tauon.ports.store import JobFilter
from tauon.store import rows, schema
from tauon.store.address import database_at
from tauon.store.database import Connection, Database
from tauon.store.listing import count_query, jobs_query
from tauon.store.readers import Readers
from tauon.store.statements import Row, chunks, statements

PAGE = 2_000
NEVER_US = 2**62

T = TypeVar("T")


class SqlStore:
    """Implements `ports.store.Store` for an address as `database_at` takes it. One thread writes; any number read."""

    def __init__(self, address: str | Path) -> None:
        self.database: Database = database_at(address)
        self._named = statements(self.database.marker)
        self._readers = Readers(self.database)
        self._writing = threading.Lock()
        self._writer: Connection | None = None
        self._may_write = False
        self._instance = ""

    def open(self) -> None:
        """Create or migrate what is there; take the sole right to write."""
        self._may_write = True
        try:
            with self._sole_right():
                writer = self._open_writer()
                schema.prepare(self.database, writer)
                self._instance = schema.instance(self.database, writer)
        except BaseException:
            self._may_write = False
            self.database.release()
            raise

    def open_to_read(self) -> None:
        """Only read, beside a server that may be writing; raises ConfigError when there is nothing of this version."""

        def look(connection: Connection) -> str:
            schema.check(self.database, connection)
            return schema.instance(self.database, connection)

        with self._explained():
            self._instance = self._readers.read(look)

    def close(self) -> None:
        self._readers.close()
        with self._writing:
            self._may_write = False
            self._drop_writer()
            self.database.release()

    @property
    def instance(self) -> str:
        return self._instance

    def write(self, events: Sequence[Event], changes: Changes) -> None:
        """Append events and put the changed rows, durably, in one transaction.

        After a StorageUnavailable it may or may not have happened: `load` tells.
        """
        batches = rows.batches(events, changes)
        with self._sole_right():
            writer = self._begin(self.database.begin)
            for name, group in batches:
                self._put(writer, name, group)
            writer.execute("COMMIT")

    def load(self) -> Cluster:
        """The live state from the rows; by whoever may write, hence after all that it wrote."""
        if not self._may_write:
            with self._explained():
                return self._readers.read(self._load)
        with self._sole_right():
            return self._live(self._begin(self.database.begin_snapshot))

    def events(self, *, after: int = 0, subject: str = "", limit: int = 1000) -> list[Event]:
        values = {"after": after, "subject": subject, "limit": limit}
        return self._read("events_of_subject_after" if subject else "events_after", values, rows.read_event)

    def all_events(self) -> Iterator[Event]:
        """The whole journal, oldest first, read in pages, so that no reader holds the database up."""
        after = 0
        while page := self.events(after=after, limit=PAGE):
            yield from page
            after = page[-1].seq

    def find_job(self, job: JobId) -> Job | None:
        found = self._read("job", {"id": job}, rows.read_job)
        return found[0] if found else None

    def find_key(self, key: str) -> JobId | None:
        found = self._read("job_of_key", {"submit_key": key}, itemgetter(0))
        return JobId(found[0]) if found else None

    def jobs(self, which: JobFilter) -> list[Job]:
        sql, values = jobs_query(self._named, which)
        return self._query(sql, values, rows.read_job)

    def count(self, which: JobFilter) -> int:
        sql, values = count_query(self._named, which)
        return self._query(sql, values, lambda row: int(row[0]))[0]

    def count_jobs(self) -> dict[JobState, int]:
        return {JobState(state): count for state, count in self._read("count_jobs", {}, tuple)}

    def attempts(self, job: JobId) -> list[Attempt]:
        return self._read("attempts_of_job", {"job": job}, rows.read_attempt)

    def nodes(self) -> list[Node]:
        return self._read("all_nodes", {}, rows.read_node)

    def keys(self) -> Iterator[str]:
        after = ""
        while page := self._read("keys", {"after": after, "limit": PAGE}, itemgetter(0)):
            yield from page
            after = page[-1]

    def usage(self, *, from_us: int, to_us: int, job: JobId | None = None) -> Iterator[UsageRecord]:
        """The closed usage records that touch the window, by their ends, read in pages; of one job when it is named."""
        if job is not None:
            values = {"job": job, "from_us": from_us, "to_us": to_us}
            yield from self._read("usage_records_of_job", values, rows.read_usage_record)
            return
        last: Row = (-NEVER_US, "", "", -NEVER_US)
        names = ("after_to_us", "after_node", "after_attempt", "after_from_us")
        while True:
            window = {"from_us": from_us, "to_us": to_us, "limit": PAGE, **dict(zip(names, last, strict=True))}
            page = self._read("usage_records_after", window, lambda row: (rows.read_usage_record(row), row[1:]))
            for record, _ in page:
                yield record
            if len(page) < PAGE:
                return
            last = page[-1][1]

    def _read(self, name: str, values: Mapping[str, object], decode: Callable[[Row], T]) -> list[T]:
        statement = self._named[name]
        return self._query(statement.sql, statement.bind(values), decode)

    def _query(self, sql: str, values: Row, decode: Callable[[Row], T]) -> list[T]:
        with self._explained():
            found = self._readers.read(lambda connection: connection.execute(sql, values).fetchall())
            return [decode(row) for row in found]

    def _load(self, connection: Connection) -> Cluster:
        connection.execute(self.database.begin_snapshot)
        return self._live(connection)

    def _live(self, connection: Connection) -> Cluster:
        """The state at one moment: a transaction has begun, and ends here."""

        def read(name: str, decode: Callable[[Row], T]) -> list[T]:
            return [decode(row) for row in connection.execute(self._named[name].sql)]

        seq, at_us = (read("head", tuple) or [(0, 0)])[0]
        stored = StoredState(
            seq=seq,
            at_us=at_us,
            jobs_submitted=read("jobs_submitted", itemgetter(0))[0],
            pools=read("all_pools", rows.read_pool),
            queues=read("all_queues", rows.read_queue),
            nodes=read("live_nodes", rows.read_node),
            jobs=read("live_jobs", rows.read_job),
            attempts=sorted(read("live_attempts", rows.read_attempt), key=lambda a: (a.placed_at_us, a.id)),
        )
        connection.execute("COMMIT")
        cluster = Cluster()
        cluster.load(stored)
        return cluster

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what a driver or a decoder raises into what a person can act on."""
        try:
            yield
        except self.database.errors as error:
            raise self.database.explain(error) from error
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{self.database.place} holds a line that this version can't read: {error}") from error

    @contextmanager
    def _sole_right(self) -> Iterator[None]:
        """Be the one who uses the writer; whatever fails costs its connection, and with it what was begun."""
        with self._writing, self._explained():
            try:
                yield
            except BaseException:
                self._drop_writer()
                raise

    def _begin(self, how: str) -> Connection:
        """Begin a transaction; a connection that hung up meanwhile is replaced, for nothing is lost with it."""
        writer = self._writer or self._open_writer()
        try:
            writer.execute(how)
        except self.database.errors:
            if not self.database.is_lost(writer):
                raise
            self._drop_writer()
            writer = self._open_writer()
            writer.execute(how)
        return writer

    def _open_writer(self) -> Connection:
        if not self._may_write:
            raise StorageUnavailable(f"{self.database.place} is not open for writing")
        self._writer = self.database.open_writer()
        return self._writer

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(*self.database.errors):
                writer.close()

    def _put(self, writer: Connection, name: str, group: Sequence[Row]) -> None:
        """Many rows a statement: each statement is a round trip, and in SQLite a chance to wait for the interpreter."""
        statement = self._named[name]
        for start, size in chunks(len(group)):
            values = tuple(chain.from_iterable(group[start : start + size]))
            writer.execute(statement.repeated(size), values)
