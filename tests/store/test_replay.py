"""Whatever happened: rows and memory are what a replay of the journal gives, in every store."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.event import Event
from tauon.ports.store import JobFilter, Store
from tauon.reconciler.memory_store import MemoryStore
from tauon.store.sql_store import SqlStore
from tauon.store.verify import verify
from tests.histories import History
from tests.states import state_of

choices = st.lists(st.integers(min_value=0, max_value=10**6), min_size=5, max_size=80)
group_sizes = st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=5)


def groups(numbers: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[list[Event], Changes, Cluster]]:
    """A history cut into groups of so many steps."""
    history = History()
    happened: list[Event] = []
    for count, number in enumerate(numbers, 1):
        happened += history.step(number)
        if count % sizes[count % len(sizes)] == 0 or count == len(numbers):
            changes, history.cluster.changes = history.cluster.changes, Changes()
            yield happened, changes, history.cluster
            happened = []


def replayed(store: Store) -> Cluster:
    cluster = Cluster()
    for event in store.all_events():
        cluster.apply(event)
    return cluster


def listed(store: Store) -> tuple[object, ...]:
    """All that a store tells about what has been."""
    jobs = store.jobs(JobFilter(limit=10_000))
    usage = sorted(store.usage(from_us=0, to_us=2**62), key=lambda r: (r.to_us, r.node, r.attempt or "", r.from_us))
    attempts = [store.attempts(job.id) for job in jobs]
    return jobs, attempts, store.nodes(), usage, store.count_jobs(), sorted(store.keys()), list(store.all_events())


@settings(max_examples=60, deadline=None)
@given(numbers=choices, sizes=group_sizes)
def test_memory_and_sqlite_hold_what_a_replay_gives(numbers: list[int], sizes: list[int]) -> None:
    memory = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(Path(folder) / "tauon.db")
        store.open()
        with contextlib.closing(store):
            for events, changes, cluster in groups(numbers, sizes):
                memory.write(events, changes)
                store.write(events, changes)
                assert state_of(store.load()) == state_of(memory.load()) == state_of(cluster)
            assert state_of(replayed(store)) == state_of(store.load())
            assert listed(store) == listed(memory)
            found = verify(store.database.url, progress=lambda _done, _all: None)
            assert (found.differences, found.events) == ((), len(listed(memory)[-1]))  # type: ignore[arg-type]


@pytest.mark.postgres
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=choices, sizes=group_sizes)
def test_postgres_holds_what_a_replay_gives(postgres_url: str, numbers: list[int], sizes: list[int]) -> None:
    store = SqlStore(postgres_url)
    store.open()
    with contextlib.closing(store):
        execute_all(store, "TRUNCATE event, job, job_label, attempt, node, pool, queue, usage_record")
        for events, changes, cluster in groups(numbers, sizes):
            store.write(events, changes)
            assert state_of(store.load()) == state_of(cluster)
        assert state_of(replayed(store)) == state_of(store.load())
    assert verify(postgres_url, progress=lambda _done, _all: None).differences == ()


def execute_all(store: SqlStore, sql: str) -> None:
    with contextlib.closing(store.database.open_for_migration()) as connection:
        connection.execute(sql)
