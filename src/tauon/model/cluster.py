"""The state of everything, folded from events one by one: the same code after a submit, a restart and in a replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from msgspec.structs import replace

from tauon.model.attempt import Attempt, Outcome, StopRequest
from tauon.model.capacity import Capacity
from tauon.model.changes import Changes
from tauon.model.demand import Demand
from tauon.model.errors import InvariantViolated
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Event,
    Fact,
    JobCancelled,
    JobCancelRequested,
    JobFailed,
    JobMigrationRequested,
    JobRequeued,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeRequested,
    NodeShared,
    NodeTerminated,
    OffersPriced,
    PoolConfigured,
    PoolRemoved,
    QueueConfigured,
    QueueRemoved,
    SpotNoticeReceived,
)
from tauon.model.fleet import Fleet, renewed, requested, withdrawn
from tauon.model.holdings import Holdings
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.job import Job, JobState
from tauon.model.live import Live
from tauon.model.migration import left, pinned, placed
from tauon.model.node import Node, NodeShape, NodeState
from tauon.model.pool import Pool
from tauon.model.queue import Queue
from tauon.model.resources import Resources
from tauon.model.room import Room
from tauon.model.stored import StoredState
from tauon.model.transitions import next_attempt_state, next_job_state, next_node_state
from tauon.model.tree import Tree
from tauon.model.waiting import Waiting

GAINS = frozenset({JobMigrationRequested, AttemptEnded, AttemptStopRequested, NodeReady, NodeShared, QueueConfigured})


class Cluster:
    """The live state: jobs and attempts that have not ended, nodes that are there, pools, queues, and their indexes.

    What has ended leaves this object and lives on in the store's rows. Only `apply` and `load` change it; every other
    room reads it, and only between two awaits, so that what it reads is one moment.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.at_us = 0
        self.jobs_submitted = 0
        self._jobs: dict[JobId, Job] = {}
        self._pools: dict[PoolName, Pool] = {}
        self._fleet = Fleet()
        self.gained_seq = 0  # the last event after which something may fit that did not fit before
        self.demand = Demand()
        self.live = Live()
        self.holdings = Holdings()
        self.capacity = Capacity()
        self.waiting = Waiting()
        self.changes = Changes()

    @property
    def jobs(self) -> Mapping[JobId, Job]:
        return self._jobs

    @property
    def attempts(self) -> Mapping[AttemptId, Attempt]:
        """Those that have not ended."""
        return self.live.attempts

    @property
    def nodes(self) -> Mapping[NodeId, Node]:
        return self._fleet.nodes

    @property
    def bought(self) -> Mapping[NodeId, None]:
        """Nodes that a plan ordered."""
        return self._fleet.bought

    @property
    def machines(self) -> Fleet:
        """The index of the nodes; nobody else changes it."""
        return self._fleet

    @property
    def pools(self) -> Mapping[PoolName, Pool]:
        return self._pools

    @property
    def queues(self) -> Mapping[QueueName, Queue]:
        return self.holdings.queues

    @property
    def tree(self) -> Tree:
        """The queues as the tree that they form."""
        return self.holdings.tree

    @property
    def held(self) -> Mapping[QueueName, Resources]:
        """What the live attempts of each queue hold."""
        return self.holdings.amounts

    @property
    def fleet(self) -> Mapping[NodeShape, int]:
        """How many nodes of each shape are there, those that take no new work included."""
        return self._fleet.counts

    @property
    def fleet_version(self) -> int:
        """Another number whenever a node came, went or changed."""
        return self._fleet.version

    def attempts_on(self, node: NodeId) -> list[AttemptId]:
        """Live attempts with a worker on this node."""
        return [attempt.id for attempt in self.live.on_node(node)]

    def unfit(self, node: NodeId, shape: NodeShape) -> str:
        """What live attempts hold on a node beyond what this shape has, or an empty string."""
        return Room(node, shape).unfit_for(self.live.on_node(node))

    def apply(self, event: Event) -> None:
        """Fold one event in.

        Raises InvariantViolated when it can't follow from this state; the state may then no longer be used.
        """
        if event.seq != self.seq + 1:
            raise InvariantViolated(f"event {event.seq} does not follow {self.seq}")
        self._fold(event.fact, event.at_us)
        if type(event.fact) in GAINS:
            self.gained_seq = event.seq
        self.waiting.pass_by(event.at_us)
        self.seq = event.seq
        self.at_us = event.at_us

    def load(self, stored: StoredState) -> None:
        """Take over the live rows of a store instead of folding its whole journal."""
        self.seq, self.at_us, self.jobs_submitted = stored.seq, stored.at_us, stored.jobs_submitted
        self.gained_seq = self.seq
        self._pools = {p.name: p for p in stored.pools}
        self.holdings.load(stored.queues)
        self._jobs = {j.id: j for j in stored.jobs}
        self.live.moving = {j.id: None for j in stored.jobs if j.unpinned is not None}
        self.live.load(stored.attempts, self._jobs)
        for node in stored.nodes:
            self._fleet.put(node)
            if node.state is NodeState.READY:
                self.capacity.add(node.id, node.shape)
                self.capacity.fill(node, self.live.on_node(node.id))
        for attempt in self.live.attempts.values():
            self.holdings.count(attempt, self._jobs[attempt.job], self.nodes, +1)
        for job in self._jobs.values():
            self.demand.join(job.request)
            if job.state is JobState.QUEUED:
                self.waiting.join(job, self._unmet(job))
        self.waiting.pass_by(self.at_us)

    def _fold(self, fact: Fact, at_us: int) -> None:
        match fact:
            case JobSubmitted():
                self._job_submitted(fact.job)
            case AttemptPlaced():
                self._attempt_placed(fact.attempt, at_us)
            case AttemptRunning():
                self._attempt_running(fact.attempt_id, at_us)
            case AttemptStopRequested():
                self._attempt_stop_requested(fact, at_us)
            case AttemptEnded():
                self._attempt_ended(fact, at_us)
            case JobCancelRequested():
                self._job_cancel_requested(fact)
            case JobMigrationRequested():
                self._job_migration_requested(fact, at_us)
            case JobRequeued():
                self._job_requeued(fact, at_us)
            case JobSucceeded():
                self._job_ended(fact.job_id, "JobSucceeded", "", at_us)
            case JobFailed():
                self._job_ended(fact.job_id, "JobFailed", fact.reason, at_us)
            case JobCancelled():
                self._job_ended(fact.job_id, "JobCancelled", f"cancelled by {fact.by}", at_us)
            case OffersPriced():
                pass  # the history of prices; what a node costs is in its shape
            case NodeRequested():
                self._put_node(requested(self.nodes.get(fact.node.id), fact.node, at_us))
            case NodeReady():
                self._node_ready(fact.node, at_us)
            case NodeDraining() | SpotNoticeReceived():
                self.capacity.remove(fact.node_id)
                self._put_node(withdrawn(self._fleet.get(fact.node_id), fact))
            case NodeShared():
                self._put_node(replace(self._fleet.get(fact.node_id), others=fact.others))
                self.capacity.share(fact.node_id, fact.others)
            case NodeTerminated() | NodeLost():
                self._node_gone(fact.node_id, type(fact).__name__, fact.reason, at_us)
            case PoolConfigured():
                self._pools[fact.pool.name] = self.changes.pools[fact.pool.name] = fact.pool
            case PoolRemoved():
                self._pools.pop(fact.name, None)
                self.changes.pools[fact.name] = None
            case QueueConfigured():
                self.holdings.configure(fact.queue, at_us, self.changes)
            case QueueRemoved():
                self.holdings.remove(fact.name, self.changes)
            case _:
                assert_never(fact)

    def _job(self, job_id: JobId) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise InvariantViolated(f"{job_id} has ended or never was")
        return job

    def _attempt(self, attempt_id: AttemptId) -> Attempt:
        attempt = self.live.attempts.get(attempt_id)
        if attempt is None:
            raise InvariantViolated(f"attempt {attempt_id} has ended or never was")
        return attempt

    def _put(self, job: Job) -> None:
        self.changes.jobs[job.id] = job
        if job.state.is_final:
            self._jobs.pop(job.id, None)
        else:
            self._jobs[job.id] = job
        self.live.follow(job)

    def _unmet(self, job: Job) -> set[JobId]:
        return {j for j in job.depends_on if j in self._jobs} if job.depends_on else set()

    def _job_submitted(self, job: Job) -> None:
        next_job_state(None, "JobSubmitted", job.id)
        if job.id in self._jobs:
            raise InvariantViolated(f"{job.id} was submitted twice")
        self.jobs_submitted = max(self.jobs_submitted, job.number)
        unmet = self._unmet(job)
        self._put(job)
        self.demand.join(job.request)
        self.waiting.join(job, unmet)

    def _job_cancel_requested(self, fact: JobCancelRequested) -> None:
        job = self._job(fact.job_id)
        self._put(replace(job, cancel_requested_by=fact.by))
        if job.attempt is not None:
            self.live.unwanted[job.attempt] = None

    def _job_migration_requested(self, fact: JobMigrationRequested, at_us: int) -> None:
        job = self._job(fact.job_id)
        moving = pinned(job, fact.pool, at_us)
        if job.state is JobState.QUEUED:
            self.waiting.change(job, moving, self._unmet(job))
        self._put(moving)

    def _job_requeued(self, fact: JobRequeued, at_us: int) -> None:
        job = self._job(fact.job_id)
        if job.attempt in self.live.attempts:
            raise InvariantViolated(f"{job.id} can't wait again while its attempt {job.attempt} lives")
        job = replace(
            job,
            state=next_job_state(job.state, "JobRequeued", job.id),
            attempt=None,
            not_before_us=fact.not_before_us,
            queued_at_us=at_us,
            retries_used=fact.retries_used,
            preemptions=job.preemptions + (fact.retries_used == job.retries_used),
            message=fact.reason,
        )
        self._put(job)
        self.waiting.join(job, set())

    def _job_ended(self, job_id: JobId, event: str, message: str, at_us: int) -> None:
        job = self._job(job_id)
        state = next_job_state(job.state, event, job_id)
        if job.state is JobState.QUEUED:
            self.waiting.leave(job)
        elif job.attempt in self.live.attempts:
            raise InvariantViolated(f"{job_id} can't end while its attempt {job.attempt} lives")
        self.demand.leave(job.request)
        self._put(replace(job, state=state, attempt=None, ended_at_us=at_us, message=message or job.message))
        if state is JobState.SUCCEEDED:
            for freed in self.waiting.succeeded(job_id):
                self.waiting.join(self._jobs[freed], set())
        else:
            self.waiting.gave_up(job_id)

    def _attempt_placed(self, attempt: Attempt, at_us: int) -> None:
        if attempt.id in self.live.attempts:
            raise InvariantViolated(f"attempt {attempt.id} was placed twice")
        job = self._job(attempt.job)
        state = next_job_state(job.state, "AttemptPlaced", job.id)
        fault = self.capacity.take(attempt.placement, attempt.resources)
        if fault:
            raise InvariantViolated(f"{attempt.id}: {fault}")
        self.waiting.leave(job)
        self._put(placed(job, attempt, state, at_us))
        self.live.add(attempt, job)
        self.holdings.age(job.queue, at_us, self.changes)
        self.holdings.count(attempt, job, self.nodes, +1)
        self.changes.attempts[attempt.id] = attempt

    def _attempt_running(self, attempt_id: AttemptId, at_us: int) -> None:
        attempt = self._attempt(attempt_id)
        job = self._job(attempt.job)
        state = next_attempt_state(attempt.state, "AttemptRunning", attempt_id)
        state_of_job = next_job_state(job.state, "AttemptRunning", job.id)
        attempt = replace(attempt, state=state, running_at_us=at_us)
        self.live.put(attempt, job)
        self.changes.attempts[attempt_id] = attempt
        self._put(replace(job, state=state_of_job))

    def _attempt_stop_requested(self, fact: AttemptStopRequested, at_us: int) -> None:
        attempt = self._attempt(fact.attempt_id)
        job = self._job(attempt.job)
        state = next_attempt_state(attempt.state, "AttemptStopRequested", attempt.id)
        state_of_job = next_job_state(job.state, "AttemptStopRequested", job.id)
        stop = StopRequest(cause=fact.cause, notice_s=fact.notice_s, requested_at_us=at_us, moves_to=fact.moves_to)
        attempt = replace(attempt, state=state, stop=stop)
        self.live.put(attempt, job)
        self.changes.attempts[attempt.id] = attempt
        self._put(job.told_to_stop(state_of_job, fact.reason, fact.moves_to, at_us))

    def _attempt_ended(self, fact: AttemptEnded, at_us: int) -> None:
        attempt = self._attempt(fact.attempt_id)
        job = self._job(attempt.job)
        state_of_job = next_job_state(job.state, "AttemptEnded", job.id)
        is_saved = fact.outcome in (Outcome.PREEMPTED, Outcome.SUCCEEDED)
        ran_us = 0 if attempt.running_at_us is None else at_us - attempt.running_at_us
        kept_us = job.kept_us(ran_us, is_saved=is_saved) if ran_us else 0
        self._put(replace(left(job, attempt), state=state_of_job, served_us=job.served_us + kept_us))
        ended = replace(
            attempt,
            state=next_attempt_state(attempt.state, "AttemptEnded", attempt.id),
            ended_at_us=at_us,
            outcome=fact.outcome,
            exit_codes=fact.exit_codes,
            message=fact.message,
        )
        self.live.remove(attempt, job)
        self.holdings.age(job.queue, at_us, self.changes)
        self.holdings.count(attempt, job, self.nodes, -1)
        for worker in attempt.placement:
            self.capacity.change(worker, attempt.resources, +1)
            self._fleet.idle_from(worker.node, at_us)
        self.changes.attempts[attempt.id] = ended
        self.changes.meter_work(ended, job, self.nodes)

    def _put_node(self, node: Node) -> None:
        self.changes.nodes[node.id] = self._fleet.put(node)

    def _node_ready(self, node: Node, at_us: int) -> None:
        old = self.nodes.get(node.id)
        renew = renewed(old, node, at_us)
        live = self.live.on_node(node.id)
        fault = self.unfit(node.id, node.shape)
        if fault:
            raise InvariantViolated(fault)
        if old is not None and old.is_in_service:
            self.changes.meter_node(old, live, self._jobs, at_us)
            self.capacity.remove(node.id)
        self._put_node(renew)
        if old is None or not old.is_in_service:
            self._fleet.idle_from(node.id, at_us)
        self.capacity.add(node.id, node.shape)
        self.capacity.fill(node, live)
        if old is not None:
            for attempt in live:
                self.holdings.age(self._jobs[attempt.job].queue, at_us, self.changes)
                self.holdings.reprice(attempt, self._jobs[attempt.job].queue, old.shape, node)

    def _node_gone(self, node_id: NodeId, event: str, reason: str, at_us: int) -> None:
        node = self._fleet.get(node_id)
        state = next_node_state(node.state, event, node_id)
        held = self.attempts_on(node_id)
        if held:
            raise InvariantViolated(f"node {node_id} can't go while it holds {', '.join(held)}")
        if node.is_in_service:
            self.changes.meter_node(node, [], self._jobs, at_us)
        self.capacity.remove(node_id)
        self._fleet.drop(node_id, at_us)
        self.changes.nodes[node_id] = replace(node, state=state, ended_at_us=at_us, message=reason)
