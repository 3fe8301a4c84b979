"""The ledger in a column store: a DuckDB file beside the journal, folded on from where it stands; any report in a blink.

It is derived: whoever deletes the file loses nothing, for the next report folds the journal again.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from tauon.economics.folded import cut
from tauon.economics.meter import Meter, State
from tauon.model.errors import StorageUnavailable
from tauon.model.event import Event
from tauon.model.ledger import LABEL, Entry, EntryKind, is_of_place
from tauon.ports.ledger import NO_LIMIT, OTHERS, Group, Window

VERSION = "1"  # a file of another version is folded anew
MEMORY = "384MB"
BATCH = 50_000
_COLUMNS = {
    "kind": "VARCHAR",
    "pool": "VARCHAR",
    "provider": "VARCHAR",
    "region": "VARCHAR",
    "capacity_type": "VARCHAR",
    "node": "VARCHAR",
    "accelerator": "VARCHAR",
    "job": "VARCHAR",
    "name": "VARCHAR",
    "attempt": "VARCHAR",
    "queue": "VARCHAR",
    "user": "VARCHAR",
    "labels": "MAP(VARCHAR, VARCHAR)",
    "accelerator_milli": "BIGINT",
    "cpu_milli": "BIGINT",
    "memory_mib": "BIGINT",
    "accelerator_micro_usd": "BIGINT",
    "cpu_micro_usd": "BIGINT",
    "memory_gib_micro_usd": "BIGINT",
    "atoms_per_us": "BIGINT",
    "from_us": "BIGINT",
    "to_us": "BIGINT",
}
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_SPAN = "(least(to_us, $to_us) - greatest(from_us, $from_us))::HUGEINT"
# DuckDB's HUGEINT has 128 bits, which the atoms of a century of a million accelerators don't fill: every sum is exact.
_SUMMED = f"""sum(accelerator_milli * {_SPAN}), sum(cpu_milli * {_SPAN}), sum(memory_mib * {_SPAN}),
    sum(atoms_per_us * {_SPAN})"""
_FOUND = """(SELECT * FROM entry UNION ALL SELECT * FROM open_entry)
    WHERE to_us > $from_us AND from_us < $to_us{conditions}"""
_ALL = f"SELECT kind, {{key}} AS key, {{name}}, 1, {_SUMMED} FROM {_FOUND} GROUP BY kind, {{key}}"  # noqa: S608 - own names
# First which groups are the dearest, by one sum, then all sums of those and of the rest together: a third of the time.
_DEAREST = f"""
    WITH grouped AS MATERIALIZED (
        SELECT {{key}} AS key, sum(atoms_per_us * {_SPAN}) AS atoms FROM {_FOUND} AND kind = 'work' GROUP BY {{key}}
    ), dearest AS MATERIALIZED (SELECT key FROM grouped ORDER BY atoms DESC, key LIMIT $most),
    found AS (SELECT *, {{key}} AS own_key, if(kind = 'work', '{OTHERS}', '') AS rest FROM {_FOUND})
    SELECT kind, coalesce(dearest.key, rest), if(dearest.key IS NULL, rest, {{name}}),
        if(dearest.key IS NULL AND rest <> '', (SELECT count(*) FROM grouped) - $most, 1), {_SUMMED}
    FROM found LEFT JOIN dearest ON own_key = dearest.key GROUP BY kind, rest, dearest.key
"""  # noqa: S608 - own names
_encode = msgspec.json.Encoder().encode


class DuckLedger:
    """Implements `ports.ledger.Ledger`; `events` gives those after a position, an empty list at the end of the journal."""

    def __init__(self, path: Path, instance: str, events: Callable[[int], Sequence[Event]]) -> None:
        self._path = path
        self._instance = instance
        self._events = events
        self._lock = threading.Lock()
        self._db: duckdb.DuckDBPyConnection | None = None
        self._meter = Meter()

    def close(self) -> None:
        with self._lock:
            self._close()

    def catch_up(self) -> None:
        """Fold what is new in the journal, in transactions of many events."""
        with self._lock, _explained(self._path):
            db = self._open()
            while True:
                entries: list[Entry] = []
                before = self._meter.seq
                while len(entries) < BATCH and (page := self._events(self._meter.seq)):
                    for event in page:
                        self._meter.apply(event)
                    entries += self._meter.take()
                if self._meter.seq == before:
                    return
                self._write(db, entries)

    def begins_us(self, to_us: int) -> int:
        with self._lock, _explained(self._path):
            (first,) = self._open().execute("SELECT min(from_us) FROM entry").fetchall()[0]
            begins = [entry.from_us for entry in self._meter.open_entries(to_us)]
        return min(begins if first is None else [first, *begins], default=to_us)

    def sums(self, by: str, where: Mapping[str, str], window: Window, *, most: int = NO_LIMIT) -> list[Group]:
        key, values = _column(by, "by_label")
        conditions, more = _conditions(where)
        values |= more | {"from_us": window.from_us, "to_us": window.to_us}
        is_limited = most < NO_LIMIT and not is_of_place(by)
        if is_limited:
            values["most"] = most
        sql = (_DEAREST if is_limited else _ALL).format(
            key=key, name="any_value(name)" if by == "job" else "''", conditions=conditions
        )
        with self._lock, _explained(self._path):
            db = self._open()
            self._put_open(db, window.to_us)
            rows = db.execute(sql, values).fetchall()
        return [_group(row) for row in rows]

    def entries(self, where: Mapping[str, str], window: Window) -> Iterator[Entry]:
        conditions, values = _conditions(where)
        values |= {"from_us": window.from_us, "to_us": window.to_us}
        sql = f"SELECT {_NAMES} FROM entry WHERE to_us > $from_us AND from_us < $to_us{conditions}"  # noqa: S608 - own names
        with self._lock, _explained(self._path):
            rows = self._open().execute(sql, values).fetchall()
            still = list(self._meter.open_entries(window.to_us))
        found = [msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), Entry) for row in rows]
        yield from cut([*found, *still], where, window)

    def _put_open(self, db: duckdb.DuckDBPyConnection, to_us: int) -> None:
        """What is held now, as a table for one question."""
        db.execute("DELETE FROM open_entry")
        still = list(self._meter.open_entries(to_us))
        if still:
            self._load(db, "open_entry", still)

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._db is None:
            try:
                self._db = self._opened()
            except (duckdb.IOException, duckdb.SerializationException, duckdb.InvalidInputException):
                self._path.unlink(missing_ok=True)  # damaged, or of another version of DuckDB: it is folded again
                self._db = self._opened()
        return self._db

    def _opened(self) -> duckdb.DuckDBPyConnection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = duckdb.connect(str(self._path), config={"memory_limit": MEMORY, "threads": 2})
        columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
        db.execute(f"CREATE TEMP TABLE open_entry ({columns})")
        db.execute("CREATE TABLE IF NOT EXISTS head (version VARCHAR, instance VARCHAR, state VARCHAR)")
        rows = db.execute("SELECT version, instance, state FROM head").fetchall()
        if not rows or rows[0][:2] != (VERSION, self._instance):
            db.execute("DROP TABLE IF EXISTS entry")
            db.execute(f"CREATE TABLE entry ({columns})")
            db.execute("DELETE FROM head")
            self._meter = Meter()
            db.execute("INSERT INTO head VALUES (?, ?, ?)", [VERSION, self._instance, self._state()])
        else:
            self._meter = Meter(msgspec.json.decode(rows[0][2], type=State))
        return db

    def _close(self) -> None:
        if self._db is not None:
            with suppress(duckdb.Error):
                self._db.close()
            self._db = None

    def _state(self) -> str:
        return _encode(self._meter.state).decode()

    def _write(self, db: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> None:
        """Entries and position in one transaction; whatever fails takes both back."""
        try:
            db.execute("BEGIN")
            if entries:
                self._load(db, "entry", entries)
            db.execute("UPDATE head SET state = ?", [self._state()])
            db.execute("COMMIT")
        except BaseException:
            self._close()
            raise

    def _load(self, db: duckdb.DuckDBPyConnection, table: str, entries: Sequence[Entry]) -> None:
        """Rows by way of a file: the quickest that there is without a data frame library."""
        handle, name = tempfile.mkstemp(suffix=".ndjson", dir=self._path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(_encode(entry) + b"\n" for entry in entries)
            db.execute(
                f"INSERT INTO {table} SELECT {_NAMES} FROM read_json($file, format='newline_delimited',"  # noqa: S608
                f" columns={_COLUMNS!r})",
                {"file": name},
            )
        finally:
            Path(name).unlink(missing_ok=True)


def _column(key: str, parameter: str) -> tuple[str, dict[str, Any]]:
    """A key as SQL, with the parameters that it needs."""
    if key.startswith(LABEL):
        return f"coalesce(labels[${parameter}], '')", {parameter: key.removeprefix(LABEL)}
    return f'"{key.replace("-", "_")}"', {}


def _conditions(where: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    sql = ""
    values: dict[str, Any] = {}
    for number, (key, value) in enumerate(where.items()):
        column, more = _column(key, f"label{number}")
        sql += f" AND {column} = $value{number}"
        values |= more | {f"value{number}": value}
    return sql, values


def _group(row: tuple[Any, ...]) -> Group:
    kind, key, name, keys, accelerator, cpu, memory, atoms = row
    return Group(
        kind=EntryKind(kind),
        key=key,
        name=name,
        keys=keys,
        accelerator_milli_us=accelerator,
        cpu_milli_us=cpu,
        memory_mib_us=memory,
        atoms=atoms,
    )


class _explained:  # noqa: N801 - reads as a clause of `with`
    """What DuckDB raises, as what a person can act on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, duckdb.Error | OSError):
            raise StorageUnavailable(
                f"{self._path}: the ledger can't be used ({str(error).splitlines()[0]}): look at the disk's free space, "
                "or delete the file, which is made again from the journal"
            ) from error
