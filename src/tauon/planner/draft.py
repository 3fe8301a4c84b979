"""The plan so far: what is still free, what becomes free, and the actions and reasons that the steps have added."""

from __future__ import annotations

from collections.abc import Sequence

from tauon.model.attempt import Attempt, StopCause, WorkerPlacement
from tauon.model.capacity import CapacityFork
from tauon.model.ids import AttemptId, NodeId
from tauon.model.plan import Action, Plan, StartAttempt, StopAttempt, WaitReason
from tauon.model.resources import Resources
from tauon.model.snapshot import Snapshot
from tauon.model.waiting import LineKey


class Draft:
    """What the steps of one decision share. `free` is what new work may take now; `future` is that plus what the
    attempts that are being stopped still hold, and less what is reserved."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.free = snapshot.cluster.capacity.fork()
        self.actions: list[Action] = []
        self.waiting: dict[LineKey, WaitReason] = {}
        self.stopping: dict[AttemptId, None] = {}
        self.touched_nodes: dict[NodeId, None] = {}
        self.next_look_us: int | None = None
        self._taken: list[tuple[Sequence[WorkerPlacement], Resources]] = []
        self._future: CapacityFork | None = None
        for attempt in snapshot.cluster.stopping:
            self.stopping[attempt] = None

    @property
    def future(self) -> CapacityFork:
        """What will be free once everything that is being stopped is gone (the same as `free` if nothing is)."""
        if not self.stopping:
            return self.free
        if self._future is None:
            self._future = self.snapshot.cluster.capacity.fork()
            for attempt_id in self.stopping:
                self._give_back(self._future, self.snapshot.cluster.attempts[attempt_id])
            for placement, amounts in self._taken:
                for worker in placement:
                    self._future.change(worker, amounts, -1)
        return self._future

    @staticmethod
    def _give_back(fork: CapacityFork, attempt: Attempt) -> None:
        for worker in attempt.placement:
            fork.change(worker, attempt.resources, +1)

    def start(self, attempt: Attempt, reason: str = "") -> None:
        """Run an attempt on what is free."""
        for worker in attempt.placement:
            self.free.change(worker, attempt.resources, -1)
            self.touched_nodes[worker.node] = None
        self._take(attempt.placement, attempt.resources)
        self.actions.append(StartAttempt(attempt=attempt, reason=reason))

    def reserve(self, placement: Sequence[WorkerPlacement], amounts: Resources) -> None:
        """Keep a place that will be free, and what of it is free already, from everything later in line."""
        for worker in placement:
            self.free.hold(worker, amounts)
        self._take(placement, amounts)

    def _take(self, placement: Sequence[WorkerPlacement], amounts: Resources) -> None:
        self._taken.append((placement, amounts))
        if self._future is not None:
            for worker in placement:
                self._future.change(worker, amounts, -1)

    def stop(self, attempt: Attempt, cause: StopCause, notice_s: float, reason: str) -> None:
        """Take a placement away."""
        self.actions.append(StopAttempt(attempt=attempt.id, cause=cause, notice_s=notice_s, reason=reason))
        future = self._future
        self.stopping[attempt.id] = None
        if future is not None:
            self._give_back(future, attempt)

    def look_again_at(self, at_us: int) -> None:
        """Something falls due then, even if nothing happens before."""
        if self.next_look_us is None or at_us < self.next_look_us:
            self.next_look_us = at_us

    def plan(self) -> Plan:
        """The finished plan."""
        return Plan(
            seq=self.snapshot.cluster.seq,
            at_us=self.snapshot.at_us,
            actions=tuple(self.actions),
            waiting=self.waiting,
            next_look_us=self.next_look_us,
        )
