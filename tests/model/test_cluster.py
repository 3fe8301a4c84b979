"""The fold: what follows from each event, and that what can't follow is refused by name."""

from __future__ import annotations

import pytest

from tauon.model.attempt import AttemptState, Outcome, StopCause
from tauon.model.cluster import Cluster
from tauon.model.errors import InvariantViolated
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Event,
    Fact,
    JobCancelled,
    JobFailed,
    JobRequeued,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeTerminated,
)
from tauon.model.ids import JobId, NodeId, QueueName
from tauon.model.job import JobState, RetriesUsed
from tauon.model.money import Rates
from tauon.model.node import NodeState
from tests.builders import SECOND_US, START_US, a_cluster, a_house, a_job, a_node, a_run, an_attempt, an_end

JOB = a_job()
ATTEMPT = an_attempt(JOB)
STOP = AttemptStopRequested(attempt_id=ATTEMPT.id, cause=StopCause.PREEMPTED, notice_s=5.0, reason="for another")
REQUEUED = JobRequeued(job_id=JOB.id, not_before_us=0, retries_used=RetriesUsed(), reason="again")


def and_then(cluster: Cluster, *facts: Fact) -> Cluster:
    """The same cluster a second later for each fact."""
    for fact in facts:
        cluster.apply(Event(seq=cluster.seq + 1, at_us=cluster.at_us + SECOND_US, fact=fact))
    return cluster


def test_a_job_goes_its_way() -> None:
    cluster = a_cluster(*a_house(), JobSubmitted(job=JOB))
    assert cluster.jobs[JOB.id].state is JobState.QUEUED
    and_then(cluster, AttemptPlaced(attempt=ATTEMPT))
    assert cluster.jobs[JOB.id].state is JobState.STARTING
    assert cluster.jobs[JOB.id].attempt == ATTEMPT.id
    and_then(cluster, AttemptRunning(attempt_id=ATTEMPT.id))
    assert cluster.attempts[ATTEMPT.id].state is AttemptState.RUNNING
    and_then(cluster, STOP)
    assert cluster.jobs[JOB.id].state is JobState.PREEMPTING
    assert list(cluster.live.stopping) == [ATTEMPT.id]
    and_then(cluster, an_end(ATTEMPT, outcome=Outcome.PREEMPTED), REQUEUED)
    job = cluster.jobs[JOB.id]
    assert (job.state, job.preemptions, job.attempts, job.attempt) == (JobState.QUEUED, 1, 1, None)
    assert cluster.capacity.count(a_node().shape, 8) == 1
    again = an_attempt(job)
    and_then(cluster, AttemptPlaced(attempt=again), an_end(again), JobSucceeded(job_id=JOB.id))
    assert not cluster.jobs
    assert not cluster.attempts
    assert cluster.changes.jobs[JOB.id].state is JobState.SUCCEEDED
    assert [a.outcome for a in cluster.changes.attempts.values()] == [Outcome.PREEMPTED, Outcome.SUCCEEDED]


def test_a_retry_is_no_preemption() -> None:
    cluster = a_cluster(*a_house(), *a_run(JOB, ATTEMPT), an_end(ATTEMPT, outcome=Outcome.FAILED))
    and_then(cluster, JobRequeued(job_id=JOB.id, not_before_us=7, retries_used=RetriesUsed(failed=1), reason="crashed"))
    assert cluster.jobs[JOB.id].preemptions == 0
    assert cluster.jobs[JOB.id].retries_used.failed == 1


RUNS = (*a_house(), *a_run(JOB, ATTEMPT))


@pytest.mark.parametrize(
    ("story", "fact", "said"),
    [
        (a_house(), AttemptPlaced(attempt=ATTEMPT), "j1 has ended or never was"),
        (a_house(), AttemptRunning(attempt_id=ATTEMPT.id), "attempt j1-1 has ended or never was"),
        (a_house(), JobSucceeded(job_id=JOB.id), "j1 has ended or never was"),
        ((*a_house(), JobSubmitted(job=JOB)), JobSubmitted(job=JOB), "submitted twice"),
        ((*a_house(), JobSubmitted(job=JOB)), JobSucceeded(job_id=JOB.id), "JobSucceeded can't happen"),
        ((*a_house(), JobSubmitted(job=JOB)), REQUEUED, "JobRequeued can't happen"),
        (RUNS, AttemptPlaced(attempt=ATTEMPT), "placed twice"),
        (RUNS, AttemptPlaced(attempt=an_attempt(JOB, number=2, first=1)), "AttemptPlaced can't happen"),
        (RUNS, AttemptRunning(attempt_id=ATTEMPT.id), "AttemptRunning can't happen"),
        ((*RUNS, STOP), STOP, "AttemptStopRequested can't happen"),
        (RUNS, JobSucceeded(job_id=JOB.id), "can't end while its attempt j1-1 lives"),
        (RUNS, REQUEUED, "can't wait again while its attempt j1-1 lives"),
        (RUNS, NodeTerminated(node_id=NodeId("n1")), "can't go while it holds j1-1"),
        (RUNS, NodeReady(node=a_node(gpus=0)), "can't lose accelerators that j1-1 holds"),
        (RUNS, NodeReady(node=a_node(cpu_milli=500)), "more cores, memory or disk given"),
        (a_house(), NodeDraining(node_id=NodeId("n9"), reason="x"), "node n9 is gone or never was"),
    ],
)
def test_what_can_not_follow_is_refused(story: tuple[Fact, ...], fact: Fact, said: str) -> None:
    with pytest.raises(InvariantViolated, match=said):
        and_then(a_cluster(*story), fact)


def test_two_can_not_hold_one_accelerator() -> None:
    other = a_job(2)
    cluster = a_cluster(*RUNS, JobSubmitted(job=other))
    with pytest.raises(InvariantViolated, match="given twice"):
        and_then(cluster, AttemptPlaced(attempt=an_attempt(other)))
    cluster = a_cluster(*RUNS, JobSubmitted(job=other))
    and_then(cluster, AttemptPlaced(attempt=an_attempt(other, first=1)))
    assert cluster.capacity.count(a_node().shape, 6) == 1


def test_a_gap_in_the_journal_is_refused() -> None:
    cluster = a_cluster(a_house()[0])
    with pytest.raises(InvariantViolated, match="event 3 does not follow 1"):
        cluster.apply(Event(seq=3, at_us=START_US, fact=a_house()[1]))


def test_news_of_a_start_may_come_after_the_order_to_stop() -> None:
    placed = a_cluster(*a_house(), JobSubmitted(job=JOB), AttemptPlaced(attempt=ATTEMPT))
    and_then(placed, STOP, AttemptRunning(attempt_id=ATTEMPT.id))
    assert placed.attempts[ATTEMPT.id].state is AttemptState.STOPPING
    assert placed.jobs[JOB.id].state is JobState.PREEMPTING
    assert placed.attempts[ATTEMPT.id].running_at_us is not None


def test_a_draining_node_takes_nothing_and_keeps_what_it_has() -> None:
    cluster = a_cluster(*RUNS, NodeDraining(node_id=NodeId("n1"), reason="maintenance"))
    assert cluster.capacity.room(NodeId("n1")) is None
    assert cluster.attempts_on(NodeId("n1")) == [ATTEMPT.id]
    assert sum(cluster.fleet.values()) == 1
    and_then(cluster, NodeReady(node=a_node()))
    assert cluster.nodes[NodeId("n1")].state is NodeState.READY
    assert cluster.capacity.count(a_node().shape, 7) == 1
    and_then(cluster, an_end(ATTEMPT), JobSucceeded(job_id=JOB.id))
    assert cluster.capacity.count(a_node().shape, 8) == 1


def test_a_new_price_holds_from_when_it_is_told_on() -> None:
    dearer = a_node(rates=Rates(accelerator_micro_usd=9_000_000))
    cluster = and_then(a_cluster(*RUNS), NodeReady(node=dearer))
    changed_us = cluster.at_us
    and_then(cluster, an_end(ATTEMPT), JobSucceeded(job_id=JOB.id), NodeLost(node_id=NodeId("n1"), reason="gone"))
    spans = [(r.job, r.rates.accelerator_micro_usd, r.from_us, r.to_us) for r in cluster.changes.usage]
    ready_us, placed_us = START_US + 2 * SECOND_US, ATTEMPT.placed_at_us
    assert spans == [
        (None, 2_000_000, ready_us, changed_us),
        (JOB.id, 2_000_000, max(placed_us, ready_us), changed_us),
        (JOB.id, 9_000_000, changed_us, changed_us + SECOND_US),
        (None, 9_000_000, changed_us, changed_us + 3 * SECOND_US),
    ]


def test_jobs_that_wait_for_others_join_their_line_when_the_last_has_succeeded() -> None:
    first, second = a_job(1), a_job(2)
    third = a_job(3, depends_on=(first.id, second.id, JobId("j0")))
    cluster = a_cluster(*a_house(), *(JobSubmitted(job=j) for j in (first, second, third)))
    assert cluster.waiting.held[third.id] == {first.id, second.id}
    for job in (first, second):
        attempt = an_attempt(job)
        and_then(cluster, AttemptPlaced(attempt=attempt), an_end(attempt), JobSucceeded(job_id=job.id))
    assert not cluster.waiting.held
    assert [place.job for line in cluster.waiting.lines.values() for place in line] == [third.id]


def test_those_that_wait_for_a_job_that_failed_fail_with_it() -> None:
    first, second = a_job(1), a_job(2, depends_on=(JobId("j1"),))
    cluster = a_cluster(*a_house(), JobSubmitted(job=first), JobSubmitted(job=second))
    and_then(cluster, JobCancelled(job_id=first.id, by="ada"), JobFailed(job_id=second.id, reason="j1 was cancelled"))
    assert not cluster.jobs
    assert len(cluster.waiting) == 0


def test_what_each_queue_holds() -> None:
    research = QueueName("research")
    job = a_job(2, gpus=2, workers=2, queue=research)
    attempt = an_attempt(job, first=1)
    cluster = a_cluster(*RUNS, *a_run(job, attempt))
    assert cluster.held[research] == attempt.total
    assert cluster.held[research].accelerator_milli == 4000
    and_then(cluster, AttemptEnded(attempt_id=attempt.id, outcome=Outcome.LOST))
    assert cluster.held[research].accelerator_milli == 0


def test_after_which_events_something_may_fit_that_did_not() -> None:
    cluster = a_cluster(*a_house())
    seen = cluster.gained_seq
    and_then(cluster, *a_run(JOB, ATTEMPT))
    assert cluster.gained_seq == seen
    for fact in (STOP, an_end(ATTEMPT), NodeReady(node=a_node("n2"))):
        if isinstance(fact, AttemptEnded):
            and_then(cluster, fact)
            assert cluster.gained_seq == cluster.seq
            and_then(cluster, JobSucceeded(job_id=JOB.id))
            continue
        and_then(cluster, fact)
        assert cluster.gained_seq == cluster.seq
