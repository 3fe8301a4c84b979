"""The index of what runs: attempts that have not ended, by node and priority, and by what must happen to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tauon.model.attempt import Attempt
from tauon.model.due import Due
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.job import Job


class Kind(NamedTuple):
    """What attempts have in common that who has to give way to whom depends on."""

    queue: QueueName
    priority: int
    pool: PoolName
    accelerator: str
    accelerator_milli: int


class Live:
    """Only the cluster changes this; dicts are used as sets that keep their order."""

    def __init__(self) -> None:
        self.attempts: dict[AttemptId, Attempt] = {}
        self.by_priority: dict[int, dict[AttemptId, None]] = {}
        self.by_kind: dict[Kind, dict[AttemptId, None]] = {}
        self.kinds: dict[AttemptId, Kind] = {}
        self.timeouts: Due[AttemptId] = Due()  # of those that run and have not been told to stop
        self.starting: dict[AttemptId, None] = {}  # and have not been told to stop
        self.unwanted: dict[AttemptId, None] = {}  # somebody wants their job cancelled
        self.stopping: dict[AttemptId, None] = {}
        self.moving: dict[JobId, None] = {}  # jobs that are to go on in another pool
        self.placed = 0  # how many there have been, and how many of them were moved, since the start of the server
        self.moved = 0
        self._on_node: dict[NodeId, dict[AttemptId, None]] = {}

    def follow(self, job: Job) -> None:
        """Take note of whether a job is to move."""
        if job.unpinned is None or job.state.is_final:
            if self.moving:
                self.moving.pop(job.id, None)
        else:
            self.moving[job.id] = None

    def on_node(self, node: NodeId) -> list[Attempt]:
        """Attempts with a worker on this node."""
        return [self.attempts[a] for a in self._on_node.get(node, ())]

    def add(self, attempt: Attempt, job: Job) -> None:
        self.placed += 1
        self.by_priority.setdefault(job.priority, {})[attempt.id] = None
        kind = Kind(job.queue, job.priority, attempt.pool, attempt.accelerator, attempt.accelerator_milli)
        self.by_kind.setdefault(kind, {})[attempt.id] = None
        self.kinds[attempt.id] = kind
        for worker in attempt.placement:
            self._on_node.setdefault(worker.node, {})[attempt.id] = None
        if job.cancel_requested_by:
            self.unwanted[attempt.id] = None
        self.put(attempt, job)

    def put(self, attempt: Attempt, job: Job) -> None:
        """Take note of an attempt's new state."""
        self.attempts[attempt.id] = attempt
        if attempt.running_at_us is None and attempt.stop is None:
            self.starting[attempt.id] = None
        else:
            self.starting.pop(attempt.id, None)
        if attempt.stop is not None:
            self.moved += bool(attempt.stop.moves_to) and attempt.id not in self.stopping
            self.stopping[attempt.id] = None
            self.timeouts.discard(attempt.id)
        elif job.timeout_s is not None and attempt.running_at_us is not None:
            self.timeouts.put(attempt.id, attempt.running_at_us + round(job.timeout_s * 1e6))

    def remove(self, attempt: Attempt, job: Job) -> None:
        del self.attempts[attempt.id]
        del self.by_priority[job.priority][attempt.id]
        if not self.by_priority[job.priority]:
            del self.by_priority[job.priority]
        kind = self.kinds.pop(attempt.id)
        del self.by_kind[kind][attempt.id]
        if not self.by_kind[kind]:
            del self.by_kind[kind]
        self.timeouts.discard(attempt.id)
        self.starting.pop(attempt.id, None)
        self.unwanted.pop(attempt.id, None)
        self.stopping.pop(attempt.id, None)
        for worker in attempt.placement:
            on_node = self._on_node.get(worker.node)
            if on_node is not None:
                on_node.pop(attempt.id, None)
                if not on_node:
                    del self._on_node[worker.node]

    def load(self, attempts: Iterable[Attempt], jobs: Mapping[JobId, Job]) -> None:
        """Take over the live attempts of a store."""
        for attempt in attempts:
            self.add(attempt, jobs[attempt.job])
