"""Every way to the newest schema gives the same one, and nothing else is taken for it."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from tauon.model.errors import ConfigError
from tauon.model.job import FINAL_STATES, JobState
from tauon.model.node import NodeState
from tauon.store import rows, schema
from tauon.store.address import database_at
from tauon.store.migrate import configuration, migrate
from tauon.store.sql_store import SqlStore
from tauon.store.statements import schema as schema_statements
from tauon.store.statements import statements
from tauon.store.verify import TABLES
from tests.builders import a_house, a_job, a_node, a_pool, a_queue, a_run, an_attempt, an_end, events_of
from tests.store.databases import on_both

EMPTY_VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


def execute(address: str, *statements: str) -> None:
    connection = database_at(address).open_for_migration()
    with contextlib.closing(connection):
        for statement in statements:
            connection.execute(statement)


def structure(address: str) -> dict[str, Any]:
    """Every table and index of a database, in comparable words."""
    connection = database_at(address).open_for_migration()
    with contextlib.closing(connection):
        if isinstance(connection, sqlite3.Connection):
            return sqlite_structure(connection)
        return postgres_structure(connection)


def sqlite_structure(connection: sqlite3.Connection) -> dict[str, Any]:
    found: dict[str, Any] = {}
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    for (table,) in tables:
        found[table] = connection.execute("SELECT * FROM pragma_table_info(?)", (table,)).fetchall()
        for _, index, is_unique, origin, is_partial in connection.execute(f"PRAGMA index_list({table})").fetchall():
            columns = connection.execute("SELECT name FROM pragma_index_info(?)", (index,)).fetchall()
            text = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchone()[0] or ""
            where = re.sub(r"\s+", " ", text.partition(" WHERE ")[2])
            found[index] = (table, columns, is_unique, origin, is_partial, where)
    return found


def postgres_structure(connection: Any) -> dict[str, Any]:
    columns = connection.execute(
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
    ).fetchall()
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname"
    ).fetchall()
    return {"columns": columns, "indexes": indexes}


@on_both
def test_migrations_give_the_schema_of_a_fresh_database(store: SqlStore, address: str, tmp_path: Path) -> None:
    fresh = structure(address)
    store.close()
    if address.startswith("postgresql"):
        schema_name = address.rpartition("%3D")[2]
        execute(address, f"DROP SCHEMA {schema_name} CASCADE", f"CREATE SCHEMA {schema_name}")
    else:
        address = str(tmp_path / "migrated.db")
        Path(address).touch()
    migrate(database_at(address))
    assert structure(address) == fresh
    assert len(fresh) > 1


@on_both
def test_an_older_database_is_migrated_when_it_is_opened(address: str, tmp_path: Path) -> None:
    Path(tmp_path / "tauon.db").touch()
    execute(address, EMPTY_VERSION_TABLE)
    store = SqlStore(address)
    with pytest.raises(ConfigError, match="older format"):
        SqlStore(address).open_to_read()
    store.open()
    with contextlib.closing(store):
        facts = [*a_house(), *a_run(a_job(), an_attempt(a_job()))]
        store.write(events_of(facts), store.load().changes)
        assert len(list(store.all_events())) == len(facts)
        assert store.instance


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    script = ScriptDirectory.from_config(configuration())
    assert script.get_heads() == [schema.HEAD]
    assert tuple(r.revision for r in script.walk_revisions())[::-1] == schema.REVISIONS


def test_opening_loads_neither_the_migrations_nor_the_other_driver(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from tauon.store.sql_store import SqlStore\n"
        f"for _ in range(2):\n    store = SqlStore({str(tmp_path / 'tauon.db')!r})\n    store.open()\n    store.close()\n"
        "print([m for m in ('alembic', 'sqlalchemy', 'psycopg') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@on_both
def test_a_newer_database_is_refused_and_left_alone(store: SqlStore, address: str) -> None:
    store.close()
    execute(address, "UPDATE alembic_version SET version_num = '9999'")
    before = structure(address)
    for opening in (SqlStore(address).open, SqlStore(address).open_to_read):
        with pytest.raises(
            ConfigError, match=r"written by a newer Tauon \(format 9999.*install that version"
        ) as refused:
            opening()
        assert "Traceback" not in str(refused.value)
    assert structure(address) == before


@on_both
def test_a_database_of_another_program_is_refused(address: str, tmp_path: Path) -> None:
    Path(tmp_path / "tauon.db").touch()
    execute(address, "CREATE TABLE cats (name TEXT)")
    with pytest.raises(ConfigError, match="something else than Tauon's journal"):
        SqlStore(address).open()
    execute(address, EMPTY_VERSION_TABLE, "INSERT INTO alembic_version VALUES ('abcdef')")
    with pytest.raises(ConfigError, match="belongs to another program"):
        SqlStore(address).open()


@on_both
def test_an_empty_database_can_not_be_read(address: str, tmp_path: Path) -> None:
    Path(tmp_path / "tauon.db").touch()
    with pytest.raises(ConfigError, match="is empty: start the server once"):
        SqlStore(address).open_to_read()


@on_both
def test_a_database_that_lost_a_table_says_so(store: SqlStore, address: str) -> None:
    execute(address, "DROP TABLE node")
    with pytest.raises(ConfigError, match="not what this version expects"):
        store.nodes()
    with pytest.raises(ConfigError, match="not what this version expects"):
        store.load()


@on_both
def test_a_line_that_can_not_be_read_says_so(store: SqlStore, address: str) -> None:
    execute(address, """INSERT INTO pool VALUES ('lab', '{"name": 7}')""")
    with pytest.raises(ConfigError, match="holds a line that this version can't read"):
        store.load()
    execute(address, "DELETE FROM pool")
    assert store.load().seq == 0


def test_statements_name_the_columns_in_the_order_of_the_rows() -> None:
    named = statements("?")
    job, attempt = a_job(key="k", labels={"a": "b"}), an_attempt(a_job())
    cluster_events = events_of([*a_house(), *a_run(job, attempt), an_end(attempt)])
    batches = {
        "insert_events": rows.event_row(cluster_events[0]),
        "put_jobs": rows.job_row(job),
        "insert_job_labels": next(iter(rows.label_rows(cluster_events))),
        "put_attempts": rows.attempt_row(attempt),
        "put_nodes": rows.node_row(a_node()),
        "put_pools": rows.pool_row(a_pool()),
        "put_queues": rows.queue_row(a_queue()),
    }
    for name, row in batches.items():
        assert len(named[name].names) == len(row)
        assert named[name].names[-1] in ("body", "job")
    for table in TABLES:
        written = named.get(f"insert_{table}s") or named[f"put_{table}s"]
        columns = re.search(r"\(([^()]*)\)", written.sql)
        assert columns is not None
        assert tuple(columns.group(1).split(", ")) == written.names
        assert re.sub(r"\s+", " ", named[f"verify_{table}s"].sql).startswith(f"SELECT {columns.group(1)} FROM {table} ")


def test_the_states_named_in_queries_are_those_of_the_model() -> None:
    named = statements("?")
    assert set(re.findall(r"'([a-z]+)'", named["live_jobs"].sql)) == {
        s.value for s in JobState if s not in FINAL_STATES
    }
    gone = {NodeState.TERMINATED, NodeState.LOST}
    assert set(re.findall(r"'([a-z]+)'", named["live_nodes"].sql)) == {s.value for s in NodeState if s not in gone}


@pytest.mark.parametrize(
    ("name", "times", "expected"),
    [
        ("stamp", 1, "INSERT INTO alembic_version (version_num)\nVALUES (?)"),
        ("stamp", 3, "INSERT INTO alembic_version (version_num)\nVALUES (?), (?), (?)"),
        ("drop_pools", 2, "DELETE FROM pool WHERE name IN (?, ?)"),
        ("jobs_in_states", 1, "AND state IN (?)"),
    ],
)
def test_a_row_or_an_item_is_repeated(name: str, times: int, expected: str) -> None:
    assert statements("?")[name].repeated(times) == expected


def test_a_repeated_statement_keeps_what_follows_its_row() -> None:
    put = statements("%s")["put_nodes"]
    assert put.repeated(1) == put.sql
    assert put.repeated(2).count("(%s, %s, %s, %s)") == 2
    assert put.repeated(2).endswith(put.sql[put.sql.index("ON CONFLICT") :])


def test_the_schema_has_no_word_of_either_database() -> None:
    assert all("{" not in s and ":" not in s for s in schema_statements("BIGINT"))


@pytest.mark.parametrize(
    "address",
    ["mysql://localhost/x", "sqlite://relative/x.db", "http://localhost"],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"give a path, sqlite:///PATH or postgresql://"):
        SqlStore(address)


def test_a_url_of_a_file_is_its_path(tmp_path: Path) -> None:
    database = database_at(f"sqlite://{tmp_path}/tauon.db")
    assert database.place == str(tmp_path / "tauon.db")


def test_a_wrong_url_of_postgres_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigError, match="give postgresql://USER@HOST:PORT/NAME") as refused:
        SqlStore("postgresql://tauon:hunter2@localhost/x?no_such_option=1")
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in SqlStore("postgresql://tauon:hunter2@localhost:1/x").database.place


def test_without_its_driver_postgres_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('there is no psycopg here')")
    program = (
        "from tauon.model.errors import ConfigError\n"
        "from tauon.store.sql_store import SqlStore\n"
        "try:\n    SqlStore('postgresql://localhost/x')\nexcept ConfigError as error:\n    print(error)\n"
    )
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert "pip install 'tauon[postgres]'" in done.stdout
