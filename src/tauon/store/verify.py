"""Prove on a live database that its rows are what its journal says: replay every event, and compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.errors import InvariantViolated
from tauon.model.event import Event, subject_of
from tauon.model.ids import NodeId
from tauon.model.node import Node
from tauon.store import rows, schema
from tauon.store.address import database_at
from tauon.store.database import Connection, Database
from tauon.store.statements import Row, chunks, statements

PAGE = 2_000
NAMED_DIFFERENCES = 100
TABLES = ("job", "job_label", "attempt", "node", "pool", "queue", "usage_record")

Progress = Callable[[int, int], None]
T = TypeVar("T")


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared. No `differences` means that the rows are what a replay gives.

    Each is a sentence that says where it is and what is wrong; only the first are told, `differences_count` has all.
    """

    events: int
    jobs: int
    rows: int
    differences: tuple[str, ...]
    differences_count: int


def verify(address: str | Path, *, progress: Progress) -> Verification:
    """Compare all rows with a replay of all events, at one moment, beside whoever is writing.

    `progress` is told how many events of how many have been replayed. Takes memory for what is live and for all nodes
    that ever were. Raises StorageUnavailable and ConfigError as the store does.
    """
    database = database_at(address)
    try:
        connection = database.open_reader()
        try:
            schema.check(database, connection)
            connection.execute(database.begin_snapshot)
            return _Audit(database, connection).run(progress)
        finally:
            with suppress(*database.errors):
                connection.close()
    except database.errors as error:
        raise database.explain(error) from error


class _BrokenOff(Exception):
    """The journal itself is wrong: nothing after this place can be replayed."""


class _Audit:
    """One comparison. What has come to its end is compared at once and forgotten; the rest when all is replayed."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._named = statements(database.marker)
        self._connection = connection
        self._cluster = Cluster()
        self._gone: dict[NodeId, Node] = {}
        self._expected = dict.fromkeys(TABLES, 0)
        self._compared = 0
        self._differences: list[str] = []
        self._count = 0

    def run(self, progress: Progress) -> Verification:
        head = self._connection.execute(self._named["head"].sql).fetchone()
        total = head[0] if head else 0
        try:
            while page := self._page():
                self._replay(page)
                progress(self._cluster.seq, total)
            self._compare_what_lives()
            self._compare_counts()
        except _BrokenOff:
            pass
        return Verification(
            events=self._cluster.seq,
            jobs=self._expected["job"],
            rows=self._compared,
            differences=tuple(self._differences),
            differences_count=self._count,
        )

    def _differs(self, table: str, name: object, problem: str) -> None:
        self._count += 1
        if len(self._differences) < NAMED_DIFFERENCES:
            self._differences.append(f"{table} {name} {problem}")

    def _page(self) -> list[Any]:
        after = self._cluster.seq
        return self._connection.execute(self._named["verify_events"].sql, (after, PAGE)).fetchall()

    def _replay(self, page: Iterable[Row]) -> None:
        submitted: list[Event] = []
        for seq, at_us, type_, subject, body in page:
            try:
                event = rows.read_event((seq, at_us, body))
                if at_us < self._cluster.at_us:
                    self._differs("event", seq, "has a time before that of the event before it")
                if (type_, subject) != (event.type, subject_of(event.fact)):
                    self._differs("event", seq, f"is filed as {type_} of {subject}")
                self._cluster.apply(event)
            except (InvariantViolated, msgspec.MsgspecError) as error:
                self._differs("event", seq, f"can't be replayed: {error}")
                raise _BrokenOff from error
            if type_ == "JobSubmitted":
                submitted.append(event)
                self._expected["job"] += 1
            elif type_ == "AttemptPlaced":
                self._expected["attempt"] += 1
        self._compare_labels(submitted)
        self._compare_what_ended()

    def _compare_what_ended(self) -> None:
        changes, self._cluster.changes = self._cluster.changes, Changes()
        live = self._cluster
        ended = [a for a in changes.attempts.values() if a.id not in live.attempts]
        self._compare("job", rows.read_job, map(rows.job_row, (j for j in changes.jobs.values() if j.state.is_final)))
        self._compare("attempt", rows.read_attempt, map(rows.attempt_row, ended))
        self._compare("usage_record", rows.read_usage_record, map(rows.usage_row, changes.usage), key=(0, 1, 2))
        self._expected["usage_record"] += len(changes.usage)
        for node in changes.nodes.values():
            if node.id in live.nodes:
                self._gone.pop(node.id, None)
            else:
                self._gone[node.id] = node

    def _compare_labels(self, submitted: Iterable[Event]) -> None:
        expected = list(rows.label_rows(submitted))
        self._expected["job_label"] += len(expected)
        found = set(self._fetch("verify_job_labels", [(job,) for job in {row[2] for row in expected}]))
        for name, value, job in set(expected) ^ found:
            side = "is missing" if (name, value, job) in expected else "is not in the journal"
            self._differs("job_label", job, f"{name}={value} {side}")

    def _compare_what_lives(self) -> None:
        live = self._cluster
        nodes = [*self._gone.values(), *live.nodes.values()]
        self._compare("job", rows.read_job, map(rows.job_row, live.jobs.values()))
        self._compare("attempt", rows.read_attempt, map(rows.attempt_row, live.attempts.values()))
        self._compare("node", rows.read_node, map(rows.node_row, nodes))
        self._compare("pool", rows.read_pool, map(rows.pool_row, live.pools.values()))
        self._compare("queue", rows.read_queue, map(rows.queue_row, live.queues.values()))
        self._expected |= {"node": len(nodes), "pool": len(live.pools), "queue": len(live.queues)}

    def _compare_counts(self) -> None:
        """With every expected row found equal, a table that has as many rows has no others."""
        counts = self._connection.execute(self._named["count_rows"].sql).fetchone()
        for table, count in zip(TABLES, counts, strict=True):
            if count > self._expected[table]:
                extra = count - self._expected[table]
                self._differs("table", table, f"has {extra} rows that are not in the journal")

    def _compare(
        self, table: str, read: Callable[[Row], T], expected: Iterable[Row], *, key: tuple[int, ...] = (0,)
    ) -> None:
        """Look for rows by their keys. Their last column is the noun itself, compared by what it says."""
        wanted = {tuple(row[i] for i in key): row for row in expected}
        self._compared += len(wanted)
        found = self._fetch(f"verify_{table}s", list(wanted))
        self._report(table, read, wanted, {tuple(row[i] for i in key): row for row in found})

    def _report(
        self, table: str, read: Callable[[Row], T], wanted: Mapping[Row, Row], found: Mapping[Row, Row]
    ) -> None:
        for key, row in wanted.items():
            there = found.get(key)
            name = " ".join(str(part) for part in key if part != "")
            if there is None:
                self._differs(table, name, "is missing")
            elif there == row:
                continue
            elif there[:-1] != row[:-1]:
                self._differs(table, name, f"has the columns {there[:-1]}, not {row[:-1]}")
            else:
                self._compare_nouns(table, name, read, there[-1], row[-1])

    def _compare_nouns(self, table: str, name: str, read: Callable[[Row], T], there: str, here: str) -> None:
        """Texts may differ where an older version wrote one; what they say may not."""
        try:
            if read((there,)) != read((here,)):
                self._differs(table, name, f"says {there}, not {here}")
        except msgspec.MsgspecError as error:
            self._differs(table, name, f"can't be read: {error}")

    def _fetch(self, name: str, keys: list[Row]) -> list[Row]:
        statement = self._named[name]
        found: list[Row] = []
        for start, size in chunks(len(keys)):
            values = tuple(value for key in keys[start : start + size] for value in key)
            found += self._connection.execute(statement.repeated(size), values).fetchall()
        return found
