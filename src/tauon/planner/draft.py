"""The plan so far: what is still free, what becomes free, and the actions and reasons that the steps have added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tauon.model.attempt import Attempt, StopCause, WorkerPlacement
from tauon.model.capacity import CapacityFork
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName
from tauon.model.node import Node
from tauon.model.plan import Action, LaunchNode, MigrateJob, Plan, ReleaseNode, StartAttempt, StopAttempt, WaitReason
from tauon.model.resources import Resources
from tauon.model.snapshot import Snapshot
from tauon.model.waiting import LineKey
from tauon.planner.fit import Fit
from tauon.planner.packing import packing
from tauon.planner.quota import Quotas
from tauon.planner.ranks import Rankings

NOWHERE = NodeId("")


class Draft:
    """What the steps of one decision share. `free` is what new work may take now; `future` is that plus what the
    attempts that are being stopped still hold, and less what is reserved."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.terrain = snapshot.terrain
        self.free = snapshot.cluster.capacity.fork()
        self.packing = packing(snapshot.packing, snapshot.cluster.demand.typical, self.terrain)
        self.actions: list[Action] = []
        self.waiting: dict[LineKey, WaitReason] = {}
        self.stopping: dict[AttemptId, None] = dict(snapshot.cluster.live.stopping)
        self.quotas = Quotas(snapshot.cluster, self.stopping, snapshot.at_us)
        self.rankings = Rankings(snapshot)
        self.promised: set[JobId] = set()  # who gets the place of what was stopped for its turn
        self.settled_in: dict[JobId, Attempt] = {}  # what this plan starts where a place was kept for it
        self.pledged: dict[AttemptId, None] = {}  # to be stopped for somebody as soon as they have run their least
        self.wanted: dict[NodeId, None] = {}  # bought nodes on which waiting work counts
        self.next_look_us: int | None = None
        self._taken: list[tuple[Sequence[WorkerPlacement], Resources]] = []
        self._held: list[tuple[Sequence[WorkerPlacement], Resources]] = []
        self._future: CapacityFork | None = None
        self.kept: dict[JobId, set[NodeId]] = {}  # the nodes on which a place is reserved, by for whom
        self._unreserved: CapacityFork | None = None

    @property
    def future(self) -> CapacityFork:
        """What will be free once everything that is being stopped is gone (the same as `free` if nothing is)."""
        if not self.stopping:
            return self.free
        if self._future is None:
            self._future = self.without(self.stopping)
        return self._future

    @property
    def started_on(self) -> set[NodeId]:
        """The nodes on which this plan starts something."""
        starts = (action.attempt for action in self.actions if isinstance(action, StartAttempt))
        return {worker.node for attempt in starts for worker in attempt.placement}

    @property
    def unreserved(self) -> CapacityFork:
        """What would be free if nothing were reserved."""
        if self._unreserved is None:
            self._unreserved = self.snapshot.cluster.capacity.fork()
            for action in self.actions:
                if isinstance(action, StartAttempt):
                    for worker in action.attempt.placement:
                        self._unreserved.change(worker, action.attempt.resources, -1)
        return self._unreserved

    def without(self, gone: Iterable[AttemptId]) -> CapacityFork:
        """What is left of all capacity by the attempts that stay and by this plan."""
        view = self.snapshot.cluster.capacity.fork()
        for attempt_id in gone:
            attempt = self.snapshot.cluster.attempts[attempt_id]
            for worker in attempt.placement:
                view.change(worker, attempt.resources, +1)
        for placement, amounts in self._taken:
            for worker in placement:
                view.change(worker, amounts, -1)
        for placement, amounts in self._held:
            for worker in placement:
                view.hold(worker, amounts)
        return view

    def start(self, attempt: Attempt, reason: str = "") -> None:
        """Run an attempt on what is free."""
        for worker in attempt.placement:
            self.free.change(worker, attempt.resources, -1)
            if self._unreserved is not None:
                self._unreserved.change(worker, attempt.resources, -1)
        self._take(attempt.placement, attempt.resources)
        if self.quotas.is_needed:
            self.quotas.start(self.quotas.claim_of(attempt))
        self.actions.append(StartAttempt(attempt=attempt, reason=reason))

    def reserve(self, job: JobId, placement: Sequence[WorkerPlacement], amounts: Resources) -> None:
        """Keep a place that will be free, and what of it is free already, from everything later in line."""
        self.kept[job] = {worker.node for worker in placement}
        for worker in placement:
            self.free.hold(worker, amounts)
        self._take(placement, amounts)

    def pledge(self, job: JobId, fit: Fit, victims: Iterable[Attempt]) -> None:
        """Keep what is free already of a place whose holders will have to go, but not yet."""
        self.kept[job] = {worker.node for worker in fit.placement}
        self.pledged.update(dict.fromkeys(victim.id for victim in victims))
        self._held.append((fit.placement, fit.resources))
        for view in (self.free, self._future):
            if view is not None:
                for worker in fit.placement:
                    view.hold(worker, fit.resources)

    def _take(self, placement: Sequence[WorkerPlacement], amounts: Resources) -> None:
        self._taken.append((placement, amounts))
        if self._future is not None:
            for worker in placement:
                self._future.change(worker, amounts, -1)

    def stop(
        self, attempt: Attempt, cause: StopCause, notice_s: float, reason: str, *, moves_to: NodeId = NOWHERE
    ) -> None:
        """Take a placement away; `moves_to` is the node on which the job shall go on."""
        self.actions.append(
            StopAttempt(attempt=attempt.id, cause=cause, notice_s=notice_s, reason=reason, moves_to=moves_to)
        )
        self.stopping[attempt.id] = None
        self.quotas.stop(attempt)
        if self._future is not None:
            for worker in attempt.placement:
                self._future.change(worker, attempt.resources, +1)

    def migrate(self, job: JobId, pool: PoolName, reason: str) -> None:
        """Let a job go on in another pool as soon as there is room for it."""
        self.actions.append(MigrateJob(job=job, pool=pool, reason=reason))

    def launch(self, node: Node, reason: str) -> None:
        """Buy a node."""
        self.actions.append(LaunchNode(node=node, reason=reason))
        self.wanted[node.id] = None

    def release(self, node: NodeId, reason: str) -> None:
        """Give a bought node back."""
        self.actions.append(ReleaseNode(node=node, reason=reason))

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
            terrain=self.terrain,
            promised=frozenset(self.promised),
            next_look_us=self.next_look_us,
        )
