"""Whoever changes a row by hand is found out."""

from __future__ import annotations

import contextlib

import pytest

from tauon.model.errors import ConfigError, StorageUnavailable
from tauon.model.event import Fact, JobSubmitted, JobSucceeded, NodeLost
from tauon.model.ids import NodeId
from tauon.store.address import database_at
from tauon.store.sql_store import SqlStore
from tauon.store.verify import Verification, verify
from tests.builders import SECOND_US, START_US, a_cluster, a_house, a_job, a_run, an_attempt, an_end, events_of
from tests.store.databases import on_both

pytestmark = on_both


def silent(done: int, total: int) -> None:
    """Nobody looks."""


def a_story() -> list[Fact]:
    done, running = a_job(1, labels={"a": "b"}, key="k"), a_job(2, labels={"a": "c"})
    first, second = an_attempt(done, placed_at_us=START_US + 5 * SECOND_US), an_attempt(running, nodes=("n2",))
    gone = NodeLost(node_id=NodeId("n1"), reason="it vanished")
    facts = [*a_run(done, first), an_end(first), JobSucceeded(job_id=done.id), gone]
    return [*a_house(nodes=2), *facts, *a_run(running, second), JobSubmitted(job=a_job(3))]


@pytest.fixture
def told(store: SqlStore) -> SqlStore:
    store.write(events_of(a_story()), a_cluster(*a_story()).changes)
    return store


def changed(address: str, *statements: str) -> Verification:
    connection = database_at(address).open_for_migration()
    with contextlib.closing(connection):
        for statement in statements:
            connection.execute(statement)
    return verify(address, progress=silent)


def test_an_untouched_database_has_no_difference(told: SqlStore, address: str) -> None:
    steps: list[tuple[int, int]] = []
    found = verify(address, progress=lambda done, total: steps.append((done, total)))
    assert found.differences == ()
    assert (found.differences_count, found.events, found.jobs) == (0, len(a_story()), 3)
    assert steps[-1] == (len(a_story()), len(a_story()))
    assert told.load().seq == len(a_story())


def test_an_empty_journal_has_no_difference(store: SqlStore, address: str) -> None:
    assert verify(address, progress=silent).differences == ()
    assert store.load().seq == 0


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("DELETE FROM job WHERE id = 'j1'", "job j1 is missing"),
        ("DELETE FROM job WHERE id = 'j2'", "job j2 is missing"),
        ("UPDATE job SET state = 'failed' WHERE id = 'j1'", "job j1 has the columns"),
        ("UPDATE job SET submit_key = 'x' WHERE id = 'j1'", "job j1 has the columns"),
        ("UPDATE job SET body = replace(body, 'ada', 'bob') WHERE id = 'j3'", "job j3 says"),
        ("UPDATE job SET body = '{}' WHERE id = 'j3'", "job j3 can't be read"),
        ("INSERT INTO job SELECT 'j9', 9, name, queue, user_name, state, 0, 0, NULL, body FROM job WHERE id = 'j2'",
         "table job has 1 rows that are not in the journal"),
        ("DELETE FROM job_label WHERE job = 'j1'", "job_label j1 a=b is missing"),
        ("INSERT INTO job_label VALUES ('x', 'y', 'j2')", "job_label j2 x=y is not in the journal"),
        ("INSERT INTO job_label VALUES ('x', 'y', 'j3')", "table job_label has 1 rows that are not in the journal"),
        ("DELETE FROM attempt WHERE id = 'j1-1'", "attempt j1-1 is missing"),
        ("UPDATE attempt SET state = 'ended' WHERE id = 'j2-1'", "attempt j2-1 has the columns"),
        ("UPDATE node SET state = 'ready' WHERE id = 'n1'", "node n1 has the columns"),
        ("DELETE FROM pool", "pool lab is missing"),
        ("INSERT INTO queue VALUES ('x', '{}')", "table queue has 1 rows that are not in the journal"),
        ("UPDATE usage_record SET to_us = to_us + 1 WHERE job = 'j1'", "usage_record n1 j1-1"),
        ("DELETE FROM usage_record WHERE job IS NULL", "usage_record n1"),
        ("UPDATE event SET subject = 'j9' WHERE seq = 5", "event 5 is filed as JobSubmitted of j9"),
        ("UPDATE event SET at_us = 1 WHERE seq = 5", "event 5 has a time before that of the event before it"),
        ("UPDATE event SET body = '{}' WHERE seq = 5", "event 5 can't be replayed"),
        ("DELETE FROM event WHERE seq = 5", "event 6 can't be replayed: event 6 does not follow 4"),
    ],
)  # fmt: skip
def test_every_change_is_told(address: str, statement: str, difference: str) -> None:
    found = changed(address, statement)
    assert any(told.startswith(difference) for told in found.differences), found.differences
    assert found.differences_count == len(found.differences)


@pytest.mark.usefixtures("told")
def test_a_row_written_in_other_words_is_no_difference(address: str) -> None:
    statement = """UPDATE pool SET body = '{"name": "lab",' || substr(body, length('{"name":"lab",') + 1)"""
    assert changed(address, statement).differences == ()


@pytest.mark.usefixtures("told")
def test_only_the_first_of_many_differences_are_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauon.store.verify.NAMED_DIFFERENCES", 2)
    found = changed(address, "DELETE FROM job", "DELETE FROM attempt", "DELETE FROM node")
    assert (len(found.differences), found.differences_count) == (2, 7)


@pytest.mark.usefixtures("store")
def test_what_is_no_database_of_ours_can_not_be_verified(address: str) -> None:
    with pytest.raises(ConfigError, match="newer Tauon"):
        changed(address, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageUnavailable):
        verify(f"{address}/nowhere" if "://" not in address else "postgresql://127.0.0.1:1/x", progress=silent)
