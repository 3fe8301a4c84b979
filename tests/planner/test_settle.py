"""What becomes of a job whose attempt ended: by outcome, by cause, by what retries are left, and of those that wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from tauon.model.attempt import Outcome, StopCause, StopRequest
from tauon.model.event import Fact, JobCancelled, JobFailed, JobRequeued, JobSucceeded
from tauon.model.job import CheckpointPolicy, Job, Retries, RetriesUsed
from tauon.planner.settle import backoff_s, fail_dependents, outcome_of_exit, outcome_of_loss, settle
from tests.builders import SECOND_US, START_US, a_job, an_attempt
from tests.planner.board import Board

SAVES = CheckpointPolicy()


def told_to_stop(cause: StopCause) -> StopRequest:
    return StopRequest(cause=cause, notice_s=5.0, requested_at_us=START_US)


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [((0, 0), Outcome.SUCCEEDED), ((0, 1), Outcome.FAILED), ((0, None), Outcome.FAILED), ((), Outcome.FAILED)],
)
def test_all_workers_must_exit_with_0(codes: tuple[int | None, ...], outcome: Outcome) -> None:
    job = a_job(workers=2)
    assert outcome_of_exit(job, an_attempt(job), codes) is outcome


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (StopCause.CANCELLED, Outcome.CANCELLED),
        (StopCause.PREEMPTED, Outcome.PREEMPTED),
        (StopCause.TIMEOUT, Outcome.TIMED_OUT),
        (StopCause.NODE_LOST, Outcome.LOST),
    ],
)
def test_an_attempt_that_was_told_to_stop_ends_as_that(cause: StopCause, outcome: Outcome) -> None:
    attempt = an_attempt(a_job(), stop=told_to_stop(cause))
    assert outcome_of_exit(a_job(), attempt, (-15,)) is outcome
    assert outcome_of_exit(a_job(checkpoint=SAVES), attempt, (0,)) is outcome, "it has saved, and may not be done"
    assert outcome_of_exit(a_job(), attempt, (0,)) is Outcome.SUCCEEDED, "it was done just then"
    assert outcome_of_loss(attempt) is outcome


def test_an_attempt_that_vanished_is_lost() -> None:
    assert outcome_of_loss(an_attempt()) is Outcome.LOST


def settled(outcome: Outcome, **fields: Any) -> Fact:
    """The one fact that follows an end of a job with these fields."""
    board = Board()
    job = board.submit(**fields)
    facts = settle(board.cluster, job, outcome, "so it was", board.now_us)
    assert len(facts) == 1
    return facts[0]


def test_success_is_success_even_if_somebody_wanted_it_cancelled() -> None:
    assert isinstance(settled(Outcome.SUCCEEDED), JobSucceeded)
    assert isinstance(settled(Outcome.SUCCEEDED, cancel_requested_by="ada"), JobSucceeded)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.SUCCEEDED])
def test_what_somebody_wants_cancelled_is_never_tried_again(outcome: Outcome) -> None:
    fact = settled(outcome, cancel_requested_by="ada", retries=Retries(failed=9, lost=9, start=9, timeout=9))
    assert isinstance(fact, JobCancelled)
    assert fact.by == "ada"


def test_a_preempted_job_waits_again_at_once_and_uses_no_retry_up() -> None:
    fact = settled(Outcome.PREEMPTED, retries_used=RetriesUsed(lost=2))
    assert isinstance(fact, JobRequeued)
    assert (fact.not_before_us, fact.retries_used) == (0, RetriesUsed(lost=2))


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (Outcome.FAILED, "failed"),
        (Outcome.LOST, "lost"),
        (Outcome.START_FAILED, "start"),
        (Outcome.TIMED_OUT, "timeout"),
    ],
)
def test_each_cause_has_its_own_retries(outcome: Outcome, cause: str) -> None:
    allowed = {"failed": 0, "lost": 0, "start": 0, "timeout": 0} | {cause: 2}
    retries = Retries(**allowed)
    for used in range(2):
        fact = settled(outcome, retries=retries, retries_used=RetriesUsed(**{cause: used}))
        assert isinstance(fact, JobRequeued)
        assert fact.retries_used == RetriesUsed(**{cause: used + 1})
    fact = settled(outcome, retries=retries, retries_used=RetriesUsed(**{cause: 2}))
    assert isinstance(fact, JobFailed)
    assert fact.reason == "so it was"
    others = {name: 5 for name in allowed if name != cause} | {cause: 0}
    assert isinstance(settled(outcome, retries=Retries(**others)), JobFailed)


def test_the_wait_doubles_with_each_retry_up_to_ten_minutes() -> None:
    waits = [backoff_s(1.0, RetriesUsed(failed=n)) for n in range(12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    assert backoff_s(1.0, RetriesUsed(failed=10**6)) == 600
    assert backoff_s(0.0, RetriesUsed(failed=3)) == 0
    fact = settled(Outcome.LOST, retries=Retries(lost=9, backoff_s=5.0), retries_used=RetriesUsed(lost=1, failed=1))
    assert isinstance(fact, JobRequeued)
    assert fact.not_before_us == START_US + 20 * SECOND_US
    assert "trying again in 20 s" in fact.reason


def test_those_that_wait_for_a_job_fail_with_it_and_those_that_wait_for_them() -> None:
    board = Board()
    first = board.running(gpus=1)
    second = board.submit(depends_on=(first.id,))
    other = board.submit()
    third = board.submit(depends_on=(second.id, other.id))
    board.submit(depends_on=(other.id,))
    facts = fail_dependents(board.cluster, first.id, "failed")
    assert [fact.job_id for fact in facts if isinstance(fact, JobFailed)] == [second.id, third.id]
    board.end(first, Outcome.FAILED)
    assert {second.id, third.id}.isdisjoint(board.cluster.jobs)
    assert other.id in board.cluster.jobs


def test_a_job_that_waits_for_one_by_two_ways_fails_once() -> None:
    board = Board()
    top = board.running(gpus=1)
    left, right = (board.submit(depends_on=(top.id,)) for _ in range(2))
    bottom = board.submit(depends_on=(left.id, right.id))
    board.cancel(top)
    board.end(top, Outcome.CANCELLED)
    assert {j.id for j in (top, left, right, bottom)}.isdisjoint(board.cluster.jobs)
    assert "which it depends on" in _message(board, bottom)


def _message(board: Board, job: Job) -> str:
    return board.cluster.changes.jobs[job.id].message
