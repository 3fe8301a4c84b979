"""A store in plain memory: the journal of simulations and tests, with the same answers as the durable one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from tauon.model.attempt import Attempt, AttemptState
from tauon.model.changes import Changes
from tauon.model.cluster import Cluster
from tauon.model.errors import StorageUnavailable
from tauon.model.event import Event, subject_of
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.job import Job, JobState
from tauon.model.node import Node, NodeState
from tauon.model.pool import Pool
from tauon.model.queue import Queue, path
from tauon.model.stored import StoredState
from tauon.model.usage import UsageRecord
from tauon.ports.store import JobFilter, JobOrder

K = TypeVar("K", bound=str)
V = TypeVar("V")

LIVE_NODES = frozenset({NodeState.REQUESTED, NodeState.READY, NodeState.DRAINING})


class MemoryStore:
    """Implements `ports.store.Store`; what it holds ends with the process."""

    def __init__(self, instance: str = "memory") -> None:
        self._instance = instance
        self._events: list[Event] = []
        self._jobs: dict[JobId, Job] = {}
        self._attempts: dict[AttemptId, Attempt] = {}
        self._of_job: dict[JobId, list[AttemptId]] = {}
        self._nodes: dict[NodeId, Node] = {}
        self._pools: dict[PoolName, Pool] = {}
        self._queues: dict[QueueName, Queue] = {}
        self._usage: list[UsageRecord] = []
        self._by_key: dict[str, JobId] = {}

    def open(self) -> None:
        """Nothing is to be made."""

    def close(self) -> None:
        """Nothing is to be let go."""

    @property
    def instance(self) -> str:
        return self._instance

    def write(self, events: Sequence[Event], changes: Changes) -> None:
        if events and events[0].seq != len(self._events) + 1:
            raise StorageUnavailable(f"event {events[0].seq} does not follow {len(self._events)}")
        for job in changes.jobs.values():
            if job.key and self._by_key.get(job.key, job.id) != job.id:
                raise StorageUnavailable(f"the key {job.key} is {self._by_key[job.key]}'s already")
        self._events.extend(events)
        for job in changes.jobs.values():
            self._jobs[job.id] = job
            if job.key:
                self._by_key[job.key] = job.id
        for attempt in changes.attempts.values():
            if attempt.id not in self._attempts:
                self._of_job.setdefault(attempt.job, []).append(attempt.id)
            self._attempts[attempt.id] = attempt
        self._nodes.update(changes.nodes)
        _put(self._pools, changes.pools)
        _put(self._queues, changes.queues)
        self._usage.extend(changes.usage)

    def load(self) -> Cluster:
        live_attempts = (a for a in self._attempts.values() if a.state is not AttemptState.ENDED)
        cluster = Cluster()
        cluster.load(
            StoredState(
                seq=len(self._events),
                at_us=self._events[-1].at_us if self._events else 0,
                jobs_submitted=max((j.number for j in self._jobs.values()), default=0),
                pools=_by_name(self._pools),
                queues=_by_name(self._queues),
                nodes=[n for n in _by_name(self._nodes) if n.state in LIVE_NODES],
                jobs=sorted((j for j in self._jobs.values() if not j.state.is_final), key=lambda j: j.number),
                attempts=sorted(live_attempts, key=lambda a: (a.placed_at_us, a.id)),
            )
        )
        return cluster

    def events(self, *, after: int = 0, subject: str = "", limit: int = 1000) -> list[Event]:
        later = islice(self._events, after, None)
        return list(islice((e for e in later if not subject or subject_of(e.fact) == subject), limit))

    def all_events(self) -> Iterator[Event]:
        return iter(self._events)

    def find_job(self, job: JobId) -> Job | None:
        return self._jobs.get(job)

    def find_key(self, key: str) -> JobId | None:
        return self._by_key.get(key)

    def keys(self) -> Iterator[str]:
        return iter(self._by_key)

    def jobs(self, which: JobFilter) -> list[Job]:
        found = sorted((j for j in self._jobs.values() if _matches(j, which)), key=lambda j: -j.number)
        if which.order is JobOrder.SUBMITTED:
            found = found[::-1] if which.reverse else found
        else:
            found.sort(key=_ORDERS[which.order], reverse=which.reverse)
        return found[which.offset : which.offset + which.limit]

    def count(self, which: JobFilter) -> int:
        return sum(_matches(job, which) for job in self._jobs.values())

    def count_jobs(self) -> dict[JobState, int]:
        counts: dict[JobState, int] = {}
        for job in self._jobs.values():
            counts[job.state] = counts.get(job.state, 0) + 1
        return counts

    def attempts(self, job: JobId) -> list[Attempt]:
        return sorted((self._attempts[a] for a in self._of_job.get(job, ())), key=lambda a: a.number)

    def nodes(self) -> list[Node]:
        return _by_name(self._nodes)

    def usage(self, *, from_us: int, to_us: int, job: JobId | None = None) -> Iterator[UsageRecord]:
        touching = (r for r in self._usage if r.to_us > from_us and r.from_us < to_us)
        return (r for r in touching if job is None or r.job == job)


def _put(here: dict[K, V], changed: Mapping[K, V | None]) -> None:
    for name, value in changed.items():
        if value is None:
            here.pop(name, None)
        else:
            here[name] = value


def _by_name(nouns: Mapping[K, V]) -> list[V]:
    return [nouns[name] for name in sorted(nouns)]


_ENDS = (JobState.RUNNING, JobState.PREEMPTING, JobState.STARTING, JobState.QUEUED, JobState.FAILED, JobState.CANCELLED)
_RANKS = {state: rank for rank, state in enumerate((*_ENDS, JobState.SUCCEEDED))}
_ORDERS: dict[JobOrder, Callable[[Job], str | int]] = {
    JobOrder.NAME: lambda job: job.name,
    JobOrder.STATE: lambda job: _RANKS[job.state],
    JobOrder.QUEUE: lambda job: job.queue,
    JobOrder.USER: lambda job: job.user,
    JobOrder.PRIORITY: lambda job: job.priority,
}


def _matches(job: Job, which: JobFilter) -> bool:
    text = which.text.lower()
    return (
        (which.before is None or job.number < which.before)
        and (not which.states or job.state in which.states)
        and (which.queue is None or which.queue in path(job.queue))
        and (not which.user or job.user == which.user)
        and (not text or text in job.id.lower() or text in job.name.lower())
        and which.labels.items() <= job.labels.items()
    )
