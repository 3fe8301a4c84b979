"""A cluster to try decisions on: put nodes and jobs on it, decide, carry out, let time pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tauon.model.attempt import Attempt, Outcome
from tauon.model.cluster import Cluster
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Event,
    Fact,
    JobCancelled,
    JobCancelRequested,
    JobMigrationRequested,
    JobRequeued,
    JobSubmitted,
    NodeReady,
    NodeRequested,
    NodeTerminated,
    PoolConfigured,
    QueueConfigured,
    SpotNoticeReceived,
)
from tauon.model.ids import JobId, OfferId, PoolName
from tauon.model.job import Job, RetriesUsed
from tauon.model.market import PoolOffers
from tauon.model.node import Node, NodeState
from tauon.model.offer import Offer
from tauon.model.outlook import Outlook, Pace
from tauon.model.plan import LaunchNode, MigrateJob, Plan, ReleaseNode, StartAttempt, StopAttempt, WaitReason
from tauon.model.pool import Capabilities
from tauon.model.queue import Queue
from tauon.model.snapshot import UNFORESEEN, Snapshot
from tauon.planner.decide import decide
from tauon.planner.draft import Draft
from tauon.planner.settle import settle
from tests.builders import SECOND_US, START_US, a_job, a_node, a_pool, a_queue


class Board:
    """Jobs are named by their numbers; `decide` decides from what is on the board, `carry_out` puts the plan on it."""

    def __init__(self, *nodes: Node, queues: Sequence[Queue] = (a_queue(),)) -> None:
        self.cluster = Cluster()
        self.now_us = START_US
        self.closed: dict[PoolName, str] = {}
        self.capabilities: dict[PoolName, Capabilities] = {}
        self.previous: Plan | None = None
        self.offers: dict[PoolName, PoolOffers] = {}
        self.sold_out: dict[OfferId, int] = {}
        self.outlook: Outlook = UNFORESEEN
        self.put(PoolConfigured(pool=a_pool()), *(QueueConfigured(queue=q) for q in queues))
        self.put(*(NodeReady(node=node) for node in nodes or (a_node(),)))

    def put(self, *facts: Fact) -> None:
        for fact in facts:
            self.cluster.apply(Event(seq=self.cluster.seq + 1, at_us=self.now_us, fact=fact))

    def submit(self, number: int = 0, **fields: Any) -> Job:
        """The next job, waiting."""
        number = number or self.cluster.jobs_submitted + 1
        job = a_job(number, **({"submitted_at_us": self.now_us} | fields))
        self.put(JobSubmitted(job=job))
        return job

    def offer(self, *offers: Offer, **pool: Any) -> None:
        """Let a pool offer these and nothing else; its other fields by name."""
        name = offers[0].shape.pool
        self.put(PoolConfigured(pool=a_pool(name, **pool)))
        self.offers[name] = PoolOffers(offers)

    def boot(self) -> list[Node]:
        """Everything that is on order is there."""
        ordered = [node for node in self.cluster.nodes.values() if node.state is NodeState.REQUESTED]
        self.put(*(NodeReady(node=node) for node in ordered))
        return ordered

    def put_ready(self, node: Node) -> None:
        """One node that was on order is there."""
        self.put(NodeReady(node=node))

    def notice(self, node: Node, *, after_s: float) -> None:
        """Whoever lent a node takes it back after a while."""
        self.put(SpotNoticeReceived(node_id=node.id, reclaim_at_us=self.now_us + round(after_s * SECOND_US)))

    def withdraw(self, job: Job) -> None:
        """A waiting job is cancelled."""
        self.put(JobCancelled(job_id=job.id, by="ada"))

    def preempted(self, job: Job) -> None:
        """A job that was told to stop has stopped, and waits again."""
        self.end(job, Outcome.PREEMPTED)

    def running(self, **fields: Any) -> Job:
        """A job that was submitted and runs wherever the planner put it."""
        job = self.submit(**fields)
        self.carry_out(self.decide())
        assert self.cluster.jobs[job.id].attempt, f"{job.id} has no place: {self.cluster.jobs[job.id]}"
        return self.cluster.jobs[job.id]

    def wait(self, seconds: float) -> None:
        self.now_us += round(seconds * SECOND_US)

    def cancel(self, job: Job) -> None:
        self.put(JobCancelRequested(job_id=job.id, by="ada"))

    def snapshot(self) -> Snapshot:
        return Snapshot(
            at_us=self.now_us,
            cluster=self.cluster,
            capabilities=self.capabilities,
            closed_pools=self.closed,
            previous=self.previous,
            offers=self.offers,
            sold_out=self.sold_out,
            outlook=self.outlook,
        )

    def draft(self) -> Draft:
        return Draft(self.snapshot())

    def decide(self) -> Plan:
        return decide(self.snapshot())

    def carry_out(self, plan: Plan) -> Plan:
        """Journal a plan's intents, and let what starts run at once."""
        for action in plan.actions:
            match action:
                case StartAttempt(attempt=attempt):
                    self.put(AttemptPlaced(attempt=attempt), AttemptRunning(attempt_id=attempt.id))
                case StopAttempt():
                    self.put(
                        AttemptStopRequested(
                            attempt_id=action.attempt,
                            cause=action.cause,
                            notice_s=action.notice_s,
                            reason=action.reason,
                            moves_to=action.moves_to,
                        )
                    )
                case MigrateJob(job=job, pool=to):
                    self.put(JobMigrationRequested(job_id=job, pool=to, by="the planner"))
                case LaunchNode(node=node):
                    self.put(NodeRequested(node=node))
                case ReleaseNode(node=node_id):
                    self.put(NodeTerminated(node_id=node_id))
        self.previous = plan
        return plan

    def end(self, job: Job, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        """A job's attempt ends, and what follows for it is settled."""
        live = self.cluster.jobs[job.id]
        assert live.attempt is not None
        facts = settle(self.cluster, live, outcome, "", self.now_us)
        self.put(AttemptEnded(attempt_id=live.attempt, outcome=outcome), *facts)

    def end_with_retry(self, job: Job, *, after_s: float) -> None:
        """A job's attempt fails, and it may be tried again after a while."""
        live = self.cluster.jobs[job.id]
        assert live.attempt is not None
        self.put(
            AttemptEnded(attempt_id=live.attempt, outcome=Outcome.FAILED),
            JobRequeued(
                job_id=job.id,
                not_before_us=self.now_us + round(after_s * SECOND_US),
                retries_used=RetriesUsed(failed=1),
                reason="crashed",
            ),
        )

    def attempt(self, job: Job) -> Attempt:
        """The live attempt of a job."""
        attempt_id = self.cluster.jobs[job.id].attempt
        assert attempt_id is not None
        return self.cluster.attempts[attempt_id]


class Foreseen:
    """An outlook that knows how long some jobs run in all, in seconds."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds

    def remaining_us(self, job: Job, ran_us: int) -> int | None:
        seconds = self.seconds.get(job.id)
        return None if seconds is None else max(0, round(seconds * 1e6) - job.served_us - ran_us)

    def pace(self, job: Job, ran_us: int) -> Pace:
        return Pace(1e6 / max(1, self.remaining_us(job, ran_us) or 10**15))


def started(plan: Plan) -> list[JobId]:
    """The jobs that a plan starts, in its order."""
    return [action.attempt.job for action in plan.actions if isinstance(action, StartAttempt)]


def stopped(plan: Plan) -> list[str]:
    """The jobs that a plan stops, by their ids, in its order."""
    return [action.attempt.rpartition("-")[0] for action in plan.actions if isinstance(action, StopAttempt)]


def placements(plan: Plan) -> dict[JobId, list[str]]:
    """The nodes of each job that a plan starts, by rank."""
    starts = [action.attempt for action in plan.actions if isinstance(action, StartAttempt)]
    return {attempt.job: [worker.node for worker in attempt.placement] for attempt in starts}


def reason(plan: Plan, job: Job) -> WaitReason:
    """Why the line of a job waits."""
    found = [why for key, why in plan.waiting.items() if key.request == job.request and key.priority == job.priority]
    assert len(found) == 1, f"{job.id} waits for {len(found)} reasons"
    return found[0]
