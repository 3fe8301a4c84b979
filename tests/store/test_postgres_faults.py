"""What the store does when its PostgreSQL server or the way to it fails."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tauon.model.errors import ConfigError, StorageUnavailable
from tauon.ports.store import JobFilter
from tauon.store.sql_store import SqlStore
from tests.postgres import PostgresServer
from tests.store.test_sqlite_faults import no_difference, submit

pytestmark = pytest.mark.postgres

OURS = "application_name LIKE 'tauon %' AND pid <> pg_backend_pid()"


@pytest.fixture
def address(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("tauon.store.postgres.CLAIM_TIMEOUT_MS", 200)
    return postgres_url


@contextlib.contextmanager
def administrator(server: PostgresServer) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection


def hang_up(server: PostgresServer) -> int:
    """End all sessions of the stores; returns how many there were."""
    with administrator(server) as connection:
        ended = connection.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OURS}"
        ).fetchall()
    return len(ended)


def test_a_server_that_crashes_and_comes_back(store: SqlStore, postgres_server: PostgresServer) -> None:
    submit(store, 1)
    assert len(store.jobs(JobFilter())) == 1
    postgres_server.kill()
    try:
        for use in (
            lambda: submit(store, 2),
            lambda: store.jobs(JobFilter()),
            store.load,
            lambda: list(store.all_events()),
        ):
            with pytest.raises(StorageUnavailable, match=r"127\.0\.0\.1:\d+/postgres does not answer"):
                use()
        with pytest.raises(StorageUnavailable, match="does not answer"):
            SqlStore(store.database.url).open()
    finally:
        postgres_server.start()
    submit(store, 2)
    assert [j.number for j in store.jobs(JobFilter())] == [2, 1]
    assert no_difference(store)


def test_an_idle_session_that_was_ended_goes_unnoticed(store: SqlStore, postgres_server: PostgresServer) -> None:
    submit(store, 1)
    store.jobs(JobFilter())
    assert hang_up(postgres_server) >= 2
    submit(store, 2)
    assert hang_up(postgres_server) >= 1
    assert len(store.jobs(JobFilter())) == 2
    assert hang_up(postgres_server) >= 1
    assert store.load().seq == 2


def test_a_session_that_ends_in_the_middle_of_a_write(store: SqlStore, postgres_server: PostgresServer) -> None:
    submit(store, 1)
    with contextlib.closing(store.database.open_for_migration()) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE job IN EXCLUSIVE MODE")
        failed: list[StorageUnavailable] = []

        def write() -> None:
            try:
                submit(store, 2)
            except StorageUnavailable as error:
                failed.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        waiting = (
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'"
        )
        with administrator(postgres_server) as connection:
            while not connection.execute(waiting).fetchall():
                pass
        writer.join()
    assert len(failed) == 1
    assert store.load().seq == 1
    submit(store, 2)
    assert no_difference(store)


def test_a_second_server_is_told_who_is_first(store: SqlStore, address: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"in use by another Tauon server \(tauon server, process {os.getpid()} on \S+\)"
    ):
        SqlStore(address).open()
    submit(store, 1)
    store.close()
    after = SqlStore(address)
    after.open()
    with contextlib.closing(after):
        assert after.load().seq == 1


def test_who_lost_the_right_to_write_to_another_server_does_not_write(
    store: SqlStore, address: str, postgres_server: PostgresServer
) -> None:
    submit(store, 1)
    hang_up(postgres_server)
    other = SqlStore(address)
    other.open()
    with contextlib.closing(other):
        submit(other, 2)
        with pytest.raises(ConfigError, match="in use by another Tauon server"):
            submit(store, 3)
    assert store.load().seq == 2
    submit(store, 3)
    assert no_difference(store)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(StorageUnavailable, match=r"postgresql://127\.0\.0\.1:1/x does not answer: .*refused"):
        SqlStore("postgresql://tauon:hunter2@127.0.0.1:1/x").open()


def test_a_database_that_is_not_there(postgres_server: PostgresServer) -> None:
    with pytest.raises(StorageUnavailable, match="does not exist") as refused:
        SqlStore(postgres_server.url.replace("/postgres", "/nothing")).open()
    assert "Traceback" not in str(refused.value)


def test_a_database_that_can_only_be_read(address: str) -> None:
    with pytest.raises(StorageUnavailable, match="read-only transaction"):
        SqlStore(f"{address}%20-cdefault_transaction_read_only%3Don").open()


def test_an_old_server_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauon.store.postgres.OLDEST", 99)
    with pytest.raises(ConfigError, match=r"is PostgreSQL \d+; Tauon needs 99 or newer"):
        SqlStore(address).open()
