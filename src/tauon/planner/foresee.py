"""When a waiting job will start: the same decision, played forward over the ends that are expected of what runs."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from tauon.model.attempt import Attempt, Outcome
from tauon.model.cluster import Cluster
from tauon.model.event import AttemptEnded, AttemptPlaced, AttemptRunning, AttemptStopRequested, Event, Fact
from tauon.model.ids import AttemptId, JobId, NodeId
from tauon.model.job import Job
from tauon.model.plan import Plan, StartAttempt, StopAttempt
from tauon.model.snapshot import Snapshot
from tauon.model.stored import StoredState
from tauon.planner.decide import decide
from tauon.planner.settle import outcome_of_loss, settle

# What an answer may cost. Ends that come shortly after one another, for how far off they are, count as one moment.
MOST_PLANS = 128
MOST_RUNNING = 5_000
MOST_WAITING = 20_000
AT_ONCE_US = 1_000_000
AT_ONCE_PART = 32
NAMED = 3


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """When a job is expected to start, and the jobs whose ends make its place; or why nothing can be said."""

    starts_at_us: int | None = None
    after: tuple[JobId, ...] = ()
    unknown: str = ""


class _Ended(NamedTuple):
    """A job that ended on the way, and where it had been."""

    job: JobId
    nodes: frozenset[NodeId]


def copy_of(cluster: Cluster) -> StoredState:
    """What there is at this moment, as it will stay while the cluster goes on."""
    return StoredState(
        seq=cluster.seq,
        at_us=cluster.at_us,
        jobs_submitted=cluster.jobs_submitted,
        pools=tuple(cluster.pools.values()),
        queues=tuple(cluster.queues.values()),
        nodes=tuple(cluster.nodes.values()),
        jobs=tuple(cluster.jobs.values()),
        attempts=tuple(cluster.attempts.values()),
    )


def foresee(snapshot: Snapshot, state: StoredState, job: JobId) -> Foreseen:
    """When a job that waits will start, if nothing else comes and nothing fails.

    `state` is what there is; of the snapshot, everything but its cluster counts, so that this can be worked out while
    the cluster goes on. What runs is expected to end as the outlook says, or at its time limit.
    """
    if len(state.attempts) > MOST_RUNNING or len(state.jobs) > MOST_WAITING:
        return Foreseen(unknown=f"so much runs or waits ({len(state.jobs):,} jobs) that it is not worked out")
    return _Forward(snapshot, state).until(job)


class _Forward:
    """A cluster of its own, in which what is expected happens."""

    def __init__(self, snapshot: Snapshot, state: StoredState) -> None:
        self._cluster = Cluster()
        self._cluster.load(state)
        self._snapshot = replace(snapshot, cluster=self._cluster, previous=None, offers={})
        self._from_us = self._now_us = max(snapshot.at_us, state.at_us)
        self._ends: list[tuple[int, AttemptId]] = []
        self._endless: list[JobId] = []
        self._ended: list[_Ended] = []
        for attempt in self._cluster.attempts.values():
            self._expect(attempt)

    def until(self, wanted: JobId) -> Foreseen:
        """Go on until a job starts, nothing more is expected, or it has cost enough."""
        for _ in range(MOST_PLANS):
            plan = decide(replace(self._snapshot, at_us=self._now_us))
            for action in plan.actions:
                match action:
                    case StartAttempt(attempt=attempt) if attempt.job == wanted:
                        return Foreseen(starts_at_us=self._now_us, after=self._makers(attempt))
                    case StartAttempt(attempt=attempt):
                        self._start(attempt)
                    case StopAttempt():
                        self._stop(action)
                    case _:
                        pass  # nodes that are bought or given back would come too late, or change nothing
            if not self._go_on(plan):
                return Foreseen(unknown=self._why())
        hours = (self._now_us - self._from_us) / 3.6e9
        return Foreseen(unknown=f"not within {hours:.1f} h; how much later is not worked out")

    def _go_on(self, plan: Plan) -> bool:
        """Let the next thing happen that is expected, and what comes shortly after; False when nothing is."""
        due_us = plan.next_look_us if plan.next_look_us is not None and plan.next_look_us > self._now_us else None
        if self._ends and (due_us is None or self._ends[0][0] <= due_us):
            first_us = max(self._now_us, self._ends[0][0])
            until_us = first_us + max(AT_ONCE_US, (first_us - self._from_us) // AT_ONCE_PART)
            while self._ends and self._ends[0][0] <= until_us:
                at_us, attempt = heapq.heappop(self._ends)
                self._now_us = max(self._now_us, at_us)
                self._end(attempt)
            return True
        if due_us is None:
            return False
        self._now_us = due_us
        return True

    def _happen(self, *facts: Fact) -> None:
        for fact in facts:
            self._cluster.apply(Event(seq=self._cluster.seq + 1, at_us=self._now_us, fact=fact))

    def _start(self, attempt: Attempt) -> None:
        self._happen(AttemptPlaced(attempt=attempt), AttemptRunning(attempt_id=attempt.id))
        self._expect(self._cluster.attempts[attempt.id])

    def _stop(self, action: StopAttempt) -> None:
        stop = AttemptStopRequested(
            attempt_id=action.attempt, cause=action.cause, notice_s=action.notice_s, reason=action.reason
        )
        self._happen(stop)
        self._expect(self._cluster.attempts[action.attempt])

    def _end(self, attempt_id: AttemptId) -> None:
        attempt = self._cluster.attempts.get(attempt_id)
        if attempt is None:
            return  # it was stopped before its end came
        job = self._cluster.jobs[attempt.job]
        outcome = Outcome.SUCCEEDED if attempt.stop is None else outcome_of_loss(attempt)
        self._happen(
            AttemptEnded(attempt_id=attempt_id, outcome=outcome),
            *settle(self._cluster, job, outcome, "", self._now_us),
        )
        self._ended.append(_Ended(job.id, frozenset(worker.node for worker in attempt.placement)))

    def _expect(self, attempt: Attempt) -> None:
        """Note when an attempt will end, if anything tells."""
        end_us = self._end_us(attempt, self._cluster.jobs[attempt.job])
        if end_us is None:
            self._endless.append(attempt.job)
        else:
            heapq.heappush(self._ends, (max(self._now_us, end_us), attempt.id))

    def _end_us(self, attempt: Attempt, job: Job) -> int | None:
        if attempt.stop is not None:
            return attempt.stop.requested_at_us + round(attempt.stop.notice_s * 1e6)
        since_us = self._now_us if attempt.running_at_us is None else attempt.running_at_us
        ran_us = max(0, self._now_us - since_us)
        left_us = self._snapshot.outlook.remaining_us(job, ran_us)
        limit_us = None if job.timeout_s is None else since_us + round(job.timeout_s * 1e6)
        if left_us is None:
            return limit_us
        end_us = self._now_us + left_us
        return end_us if limit_us is None else min(end_us, limit_us)

    def _makers(self, attempt: Attempt) -> tuple[JobId, ...]:
        """The last to leave the nodes that an attempt gets."""
        nodes = {worker.node for worker in attempt.placement}
        left = (ended.job for ended in reversed(self._ended) if not nodes.isdisjoint(ended.nodes))
        return tuple(dict.fromkeys(left))[:NAMED]

    def _why(self) -> str:
        if self._endless:
            names = ", ".join(self._endless[:NAMED]) + (" and others" if len(self._endless) > NAMED else "")
            return f"nothing tells when {names} will end: no time limit, and too few like them have ended"
        return "not even when all that runs now has ended"
