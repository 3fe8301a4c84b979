"""What every store promises, whatever it keeps its lines in."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.errors import StorageUnavailable
from tauon.model.event import (
    Fact,
    JobCancelled,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    PoolConfigured,
    PoolRemoved,
    QueueConfigured,
    QueueRemoved,
)
from tauon.model.ids import JobId, PoolName, QueueName
from tauon.model.job import JobState
from tauon.model.node import NodeState
from tauon.model.usage import UsageRecord
from tauon.ports.store import JobFilter, JobOrder, Store
from tauon.reconciler.memory_store import MemoryStore
from tauon.store.sql_store import SqlStore
from tests.builders import (
    SECOND_US,
    START_US,
    a_house,
    a_job,
    a_node,
    a_pool,
    a_queue,
    a_run,
    an_attempt,
    an_end,
    events_of,
)

READERS = 4


def all_usage(store: Store) -> list[UsageRecord]:
    return list(store.usage(from_us=0, to_us=2**62))


class StoreContract:
    """Subclasses say how to make an opened, empty store."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError

    @staticmethod
    def write(store: Store, *facts: Fact) -> Cluster:
        """Fold facts onto what the store has, write them as one group, one a second, and return the new state."""
        cluster = store.load()
        events = events_of(facts, seq=cluster.seq + 1, at_us=START_US + cluster.seq * SECOND_US)
        for event in events:
            cluster.apply(event)
        store.write(events, cluster.changes)
        cluster.changes = Changes()
        return cluster

    def test_an_empty_store_has_nothing(self, store: Store) -> None:
        cluster = store.load()
        assert (cluster.seq, cluster.at_us, cluster.jobs_submitted) == (0, 0, 0)
        assert (store.events(), list(store.all_events())) == ([], [])
        assert (store.jobs(JobFilter()), store.count_jobs(), store.nodes(), all_usage(store)) == ([], {}, [], [])
        assert (store.find_job(JobId("j1")), store.find_key("k"), list(store.keys())) == (None, None, [])
        assert store.instance

    def test_the_live_state_comes_back(self, store: Store) -> None:
        running, queued = a_job(1, gpus=2, workers=3, labels={"a": "b"}), a_job(2, depends_on=(JobId("j1"),))
        attempt = an_attempt(running, nodes=("n1", "n2"))
        written = self.write(store, *a_house(nodes=3), *a_run(running, attempt), JobSubmitted(job=queued))
        loaded = store.load()
        assert (loaded.seq, loaded.at_us, loaded.jobs_submitted) == (written.seq, written.at_us, 2)
        assert loaded.jobs == written.jobs
        assert loaded.attempts == written.attempts
        assert loaded.nodes == written.nodes
        assert loaded.pools == written.pools
        assert loaded.queues == written.queues
        assert dict(loaded.waiting.held) == dict(written.waiting.held) == {"j2": {"j1"}}
        room = loaded.capacity.room(a_node("n1").id)
        assert room is not None
        assert room.whole == 4

    def test_what_has_ended_is_found_but_not_live(self, store: Store) -> None:
        job = a_job(1)
        attempt = an_attempt(job)
        facts = [
            *a_run(job, attempt),
            an_end(attempt),
            JobSucceeded(job_id=job.id),
            NodeLost(node_id=a_node().id, reason="gone"),
        ]
        self.write(store, *a_house(nodes=2), *facts)
        loaded = store.load()
        assert (list(loaded.jobs), list(loaded.attempts), list(loaded.nodes)) == ([], [], ["n2"])
        assert loaded.jobs_submitted == 1
        found = store.find_job(job.id)
        assert found is not None
        assert found.state is JobState.SUCCEEDED
        assert [a.exit_codes for a in store.attempts(job.id)] == [(0,)]
        assert [(n.id, n.state) for n in store.nodes()] == [("n1", NodeState.LOST), ("n2", NodeState.READY)]

    def test_a_draining_node_is_live(self, store: Store) -> None:
        self.write(store, *a_house(), NodeDraining(node_id=a_node().id, reason="repair"))
        assert [n.state for n in store.load().nodes.values()] == [NodeState.DRAINING]

    def test_events_come_back_as_they_were_written(self, store: Store) -> None:
        first = [*a_house(), *a_run(a_job(1), an_attempt(a_job(1)))]
        second = [JobSubmitted(job=a_job(2, name="späße ☂ \U0001f600 'quoted' \\ \n%s :name"))]
        self.write(store, *first)
        self.write(store, *second)
        expected = events_of([*first, *second])
        assert list(store.all_events()) == expected
        assert store.events(after=2, limit=3) == expected[2:5]
        assert store.events(after=len(expected)) == []
        assert store.events(subject="j1") == expected[3:6]
        assert store.events(subject="j1", after=4, limit=1) == expected[4:5]

    def test_many_lines_in_one_group(self, store: Store) -> None:
        jobs = [a_job(n, labels={"n": str(n)}, key=f"key-{n}") for n in range(1, 2 * 64 + 3 * 8 + 5)]
        self.write(store, *a_house(), *(JobSubmitted(job=j) for j in jobs))
        assert store.jobs(JobFilter(limit=1000)) == jobs[::-1]
        assert sorted(store.keys()) == sorted(j.key for j in jobs)
        assert store.jobs(JobFilter(labels={"n": "77"})) == [jobs[76]]

    def test_streams_go_on_over_many_pages(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tauon.store.sql_store.PAGE", 2)
        facts: list[Fact] = [*a_house()]
        for number in range(1, 6):
            job = a_job(number, key=f"key-{number}")
            attempt = an_attempt(job)
            facts += [*a_run(job, attempt), an_end(attempt), JobSucceeded(job_id=job.id)]
        self.write(store, *facts)
        assert list(store.all_events()) == events_of(facts)
        assert [r.job for r in all_usage(store)] == ["j1", "j2", "j3", "j4", "j5"]
        assert len(list(store.keys())) == 5

    def test_a_job_is_found_by_its_key(self, store: Store) -> None:
        self.write(store, JobSubmitted(job=a_job(1, key="abc")), JobSubmitted(job=a_job(2)), JobSubmitted(job=a_job(3)))
        assert store.find_key("abc") == "j1"
        assert store.find_key("") is store.find_key("abd") is None
        assert list(store.keys()) == ["abc"]

    def test_a_key_can_be_used_only_once(self, store: Store) -> None:
        self.write(store, JobSubmitted(job=a_job(1, key="abc")))
        with pytest.raises(StorageUnavailable):
            self.write(store, JobSubmitted(job=a_job(2)), JobSubmitted(job=a_job(3, key="abc")))
        assert store.load().seq == 1
        assert [j.id for j in store.jobs(JobFilter())] == ["j1"]

    def test_what_another_has_written_is_not_written_over(self, store: Store) -> None:
        self.write(store, JobSubmitted(job=a_job(1)))
        with pytest.raises(StorageUnavailable):
            store.write(events_of([JobSubmitted(job=a_job(2))]), Changes())
        assert store.events() == events_of([JobSubmitted(job=a_job(1))])

    def test_pools_and_queues_are_changed_and_removed(self, store: Store) -> None:
        self.write(store, *a_house(), QueueConfigured(queue=a_queue("a")), PoolConfigured(pool=a_pool("b")))
        removed: list[Fact] = [PoolRemoved(name=PoolName("b")), QueueRemoved(name=QueueName("default"))]
        self.write(store, PoolConfigured(pool=a_pool(region="here", options={"x": [1, None]})), *removed)
        loaded = store.load()
        assert loaded.pools == {"lab": a_pool(region="here", options={"x": [1, None]})}
        assert loaded.queues == {"a": a_queue("a")}

    @pytest.mark.parametrize(
        ("which", "numbers"),
        [
            (JobFilter(), [5, 4, 3, 2, 1]),
            (JobFilter(limit=2), [5, 4]),
            (JobFilter(before=4, limit=2), [3, 2]),
            (JobFilter(before=1), []),
            (JobFilter(states=(JobState.CANCELLED,)), [2]),
            (JobFilter(states=(JobState.CANCELLED, JobState.QUEUED), limit=3), [5, 4, 3]),
            (JobFilter(queue=QueueName("research")), [3]),
            (JobFilter(user="bob"), [4]),
            (JobFilter(text="RAIN-4"), [4]),
            (JobFilter(text="J5"), [5]),
            (JobFilter(text="%"), [3]),
            (JobFilter(text="_"), []),
            (JobFilter(text="100%!"), [3]),
            (JobFilter(labels={"team": "vision"}), [5, 1]),
            (JobFilter(labels={"team": "vision", "run": "2"}), [5]),
            (JobFilter(labels={"team": "2"}), []),
            (JobFilter(labels={"team": "vision"}, text="train", user="ada", before=5, states=(JobState.QUEUED,)), [1]),
        ],
    )
    def test_jobs_are_listed_newest_first(self, store: Store, which: JobFilter, numbers: list[int]) -> None:
        jobs = [
            a_job(1, labels={"team": "vision", "run": "1"}),
            a_job(2),
            a_job(3, queue="research", name="100%! Sure"),
            a_job(4, user="bob"),
            a_job(5, labels={"team": "vision", "run": "2"}),
        ]
        self.write(store, *(JobSubmitted(job=j) for j in jobs), JobCancelled(job_id=JobId("j2"), by="ada"))
        assert [j.number for j in store.jobs(which)] == numbers

    @pytest.mark.parametrize(
        ("which", "numbers"),
        [
            (JobFilter(reverse=True), [1, 2, 3, 4]),
            (JobFilter(offset=1, limit=2), [3, 2]),
            (JobFilter(offset=9), []),
            (JobFilter(order=JobOrder.NAME), [4, 2, 3, 1]),
            (JobFilter(order=JobOrder.NAME, reverse=True), [3, 1, 2, 4]),
            (JobFilter(order=JobOrder.NAME, offset=1, limit=2), [2, 3]),
            (JobFilter(order=JobOrder.USER), [4, 3, 1, 2]),
            (JobFilter(order=JobOrder.PRIORITY, reverse=True), [2, 4, 3, 1]),
            (JobFilter(order=JobOrder.QUEUE), [4, 1, 3, 2]),
            (JobFilter(order=JobOrder.STATE), [4, 3, 2, 1]),
            (JobFilter(order=JobOrder.STATE, reverse=True), [1, 4, 3, 2]),
            (JobFilter(queue=QueueName("research")), [3, 2]),
            (JobFilter(queue=QueueName("research/vision")), [2]),
            (JobFilter(queue=QueueName("res%")), []),
        ],
    )
    def test_jobs_are_listed_in_any_order(self, store: Store, which: JobFilter, numbers: list[int]) -> None:
        jobs = [
            a_job(1, name="c"),
            a_job(2, name="b", user="bob", priority=9, queue="research/vision"),
            a_job(3, name="c", queue="research"),
            a_job(4, name="a"),
        ]
        self.write(store, *(JobSubmitted(job=j) for j in jobs), JobCancelled(job_id=JobId("j1"), by="ada"))
        assert [j.number for j in store.jobs(which)] == numbers
        assert store.count(msgspec.structs.replace(which, offset=0, limit=1)) == (
            4 if which.queue is None else len(numbers)
        )

    def test_jobs_are_counted_by_state(self, store: Store) -> None:
        jobs = [a_job(n) for n in range(1, 4)]
        self.write(store, *(JobSubmitted(job=j) for j in jobs), JobCancelled(job_id=JobId("j2"), by="ada"))
        assert store.count_jobs() == {JobState.QUEUED: 2, JobState.CANCELLED: 1}

    def test_attempts_are_in_order(self, store: Store) -> None:
        job = a_job(1)
        attempts = [an_attempt(job, number=n) for n in range(1, 12)]
        changes = Changes()
        changes.attempts = {a.id: a for a in reversed(attempts)}
        store.write([], changes)
        assert [a.number for a in store.attempts(job.id)] == list(range(1, 12))
        assert store.attempts(JobId("j2")) == []

    def test_usage_is_found_by_window_and_job(self, store: Store) -> None:
        facts: list[Fact] = [*a_house()]  # the node is ready at second 2
        for number in (1, 2):
            job = a_job(number)
            attempt = an_attempt(job, placed_at_us=START_US + (len(facts) + 1) * SECOND_US)
            facts += [*a_run(job, attempt), an_end(attempt), JobSucceeded(job_id=job.id)]
        facts.append(NodeReady(node=a_node(gpus=4)))
        cluster = self.write(store, *facts)
        everything = all_usage(store)
        assert [(r.job, r.from_us - START_US, r.to_us - START_US) for r in everything] == [
            ("j1", 4 * SECOND_US, 6 * SECOND_US),
            ("j2", 9 * SECOND_US, 11 * SECOND_US),
            (None, 2 * SECOND_US, 13 * SECOND_US),
        ]
        assert cluster.seq == 14

        def within(start_s: int, end_s: int, job: str | None = None) -> list[str | None]:
            start_us, end_us = (START_US + s * SECOND_US for s in (start_s, end_s))
            found = store.usage(from_us=start_us, to_us=end_us, job=JobId(job) if job else None)
            return [r.job for r in found]

        assert within(0, 2) == []
        assert within(0, 3) == [None]
        assert within(5, 6) == ["j1", None]
        assert within(6, 9) == [None]
        assert within(10, 20) == ["j2", None]
        assert within(13, 20) == []
        assert within(0, 20, "j2") == ["j2"]
        assert within(0, 9, "j2") == []

    def test_large_numbers_and_long_texts_fit(self, store: Store) -> None:
        job = a_job(1, priority=-(2**31), document="x" * 1_000_000, deadline_us=2**62)
        self.write(store, JobSubmitted(job=job))
        assert store.find_job(job.id) == job
        assert store.load().jobs == {job.id: job}


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = MemoryStore()
        store.open()
        yield store
        store.close()


class DurableContract(StoreContract):
    """What a store promises that outlives its process."""

    def test_what_was_written_is_there_when_it_is_opened_again(self, store: SqlStore) -> None:
        facts = [*a_house(), *a_run(a_job(1), an_attempt(a_job(1)))]
        written = self.write(store, *facts)
        store.close()
        again = SqlStore(store.database.url)
        again.open()
        with contextlib.closing(again):
            assert again.load().jobs == written.jobs
            assert list(again.all_events()) == events_of(facts)
            assert again.instance == store.instance

    def test_another_process_can_read_beside_the_writer(self, store: SqlStore) -> None:
        beside = SqlStore(store.database.url)
        self.write(store, JobSubmitted(job=a_job(1)))
        beside.open_to_read()
        with contextlib.closing(beside):
            assert beside.instance == store.instance
            assert beside.load().seq == 1
            self.write(store, JobSubmitted(job=a_job(2)))
            assert beside.load().seq == 2
            with pytest.raises(StorageUnavailable, match="not open for writing"):
                beside.write([], Changes())

    def test_a_closed_store_says_so(self, store: SqlStore) -> None:
        store.close()
        with pytest.raises(StorageUnavailable, match="closed"):
            store.jobs(JobFilter())
        with pytest.raises(StorageUnavailable, match="not open for writing"):
            store.write([], Changes())

    def test_many_threads_read_while_one_writes(self, store: SqlStore) -> None:
        done = threading.Event()

        def look() -> list[int]:
            seen = [0]
            while not done.is_set() or seen[-1] < 50:
                seen.append(len(store.jobs(JobFilter())))
            return seen

        with ThreadPoolExecutor(READERS) as readers:
            looks = [readers.submit(look) for _ in range(READERS)]
            for number in range(1, 51):
                self.write(store, JobSubmitted(job=a_job(number)))
            done.set()
        assert all(look.result() == sorted(look.result()) for look in looks)


class TestSqliteStore(DurableContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        yield from opened(str(tmp_path / "tauon.db"))


@pytest.mark.postgres
class TestPostgresStore(DurableContract):
    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[SqlStore]:
        yield from opened(postgres_url)


def opened(address: str) -> Iterator[SqlStore]:
    store = SqlStore(address)
    store.open()
    with contextlib.closing(store):
        yield store
