"""The other steps of a decision: what is stopped because nobody wants it or its time is up, and the plan's own checks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tauon.model.attempt import Outcome, StopCause
from tauon.model.errors import InvariantViolated
from tauon.model.event import AttemptPlaced, AttemptStopRequested, JobRequeued, PoolConfigured
from tauon.model.ids import NodeId, PoolName
from tauon.model.job import Retries, RetriesUsed
from tauon.model.plan import StartAttempt, StopAttempt
from tauon.planner.check import check
from tauon.planner.draft import Draft
from tauon.planner.place import place
from tauon.planner.settle import outcome_of_loss, settle
from tests.builders import SECOND_US, a_node, a_pool, an_attempt
from tests.planner.board import Board, started, stopped


def stops(board: Board) -> list[tuple[str, StopCause, float]]:
    return [(a.attempt, a.cause, a.notice_s) for a in board.decide().actions if isinstance(a, StopAttempt)]


def test_cancelled_work_is_stopped_once() -> None:
    board = Board()
    job = board.running(gpus=1)
    board.cancel(job)
    assert stops(board) == [("j1-1", StopCause.CANCELLED, 5.0)]
    board.carry_out(board.decide())
    assert stops(board) == []


def test_work_past_its_time_limit_is_stopped_and_the_plan_says_when_that_is() -> None:
    board = Board()
    board.running(gpus=1, timeout_s=60.0)
    board.running(gpus=1, timeout_s=90.0)
    plan = board.decide()
    assert stopped(plan) == []
    assert plan.next_look_us == board.now_us + 60 * SECOND_US
    board.wait(60)
    assert stops(board) == [("j1-1", StopCause.TIMEOUT, 5.0)]
    plan = board.carry_out(board.decide())
    assert plan.next_look_us == board.now_us + 30 * SECOND_US
    assert stops(board) == []


def test_the_time_limit_counts_from_when_it_runs_and_for_each_attempt() -> None:
    board = Board()
    job = board.running(gpus=1, timeout_s=60.0)
    board.wait(50)
    board.end_with_retry(job, after_s=0)
    board.carry_out(board.decide())
    board.wait(59)
    assert stops(board) == []
    board.wait(1)
    assert stops(board) == [("j1-2", StopCause.TIMEOUT, 5.0)]


def test_cancelled_work_past_its_time_is_stopped_once() -> None:
    board = Board()
    board.cancel(board.running(gpus=1, timeout_s=60.0))
    board.wait(100)
    assert stops(board) == [("j1-1", StopCause.CANCELLED, 5.0)]


def test_an_empty_board_needs_nothing() -> None:
    plan = Board().decide()
    assert (plan.actions, plan.waiting, plan.next_look_us) == ((), {}, None)


def test_a_second_look_at_an_unchanged_board_changes_nothing() -> None:
    board = Board()
    board.running(gpus=8)
    waiting = board.submit(gpus=1)
    first = board.carry_out(board.decide())
    assert board.carry_out(board.decide()).waiting == first.waiting
    more = board.submit(gpus=2)
    second = board.carry_out(board.decide())
    assert len(second.waiting) == 2
    for job in (waiting, more):
        assert any(key.request == job.request for key in second.waiting)


def test_what_was_blocked_starts_as_soon_as_something_ends_or_appears() -> None:
    board = Board()
    held = board.running(gpus=8)
    waiting = board.submit(gpus=8)
    board.carry_out(board.decide())
    board.end(held)
    assert started(board.carry_out(board.decide())) == [waiting.id]


def test_what_was_blocked_starts_when_a_pool_opens_again() -> None:
    board = Board()
    waiting = board.submit(gpus=8)
    board.closed = {PoolName("lab"): "no answer"}
    assert started(board.carry_out(board.decide())) == []
    board.closed = {}
    assert started(board.carry_out(board.decide())) == [waiting.id]


# ------------------------------------------------------------------- the plan's own invariants


def a_draft(board: Board) -> Draft:
    draft = board.draft()
    place(draft)
    return draft


def test_a_sound_plan_passes() -> None:
    board = Board()
    board.submit(gpus=8)
    check(a_draft(board))


def test_a_job_that_starts_twice_is_found_out() -> None:
    board = Board()
    board.submit(gpus=1)
    draft = a_draft(board)
    place(draft)
    with pytest.raises(InvariantViolated, match="starts twice"):
        check(draft)


def test_a_part_of_a_gang_is_found_out() -> None:
    board = Board()
    job = board.submit(gpus=1, workers=2)
    draft = board.draft()
    whole = an_attempt(job)
    draft.start(replace(whole, placement=whole.placement[:1]))
    with pytest.raises(InvariantViolated, match="part of its gang"):
        check(draft)


def test_a_gang_over_two_pools_is_found_out() -> None:
    board = Board(a_node("n1"), a_node("n2", pool=PoolName("cloud")))
    job = board.submit(gpus=1, workers=2)
    draft = board.draft()
    draft.start(an_attempt(job, nodes=("n1", "n2")))
    with pytest.raises(InvariantViolated, match="spread over pools"):
        check(draft)


def test_an_accelerator_given_twice_is_found_out() -> None:
    board = Board()
    first, second = board.submit(gpus=1), board.submit(gpus=1)
    draft = board.draft()
    draft.start(an_attempt(first))
    draft.start(an_attempt(second))
    with pytest.raises(InvariantViolated, match="given twice"):
        check(draft)


def test_more_cores_than_there_are_are_found_out() -> None:
    board = Board(a_node("n1", cpu_milli=1_500))
    first, second = board.submit(gpus=1), board.submit(gpus=1)
    draft = board.draft()
    draft.start(an_attempt(first))
    draft.start(an_attempt(second, first=1))
    with pytest.raises(InvariantViolated, match="more cores"):
        check(draft)


def test_an_attempt_stopped_twice_is_found_out() -> None:
    board = Board()
    attempt = board.attempt(board.running(gpus=1))
    draft = board.draft()
    draft.stop(attempt, StopCause.PREEMPTED, 0.0, "why")
    check(draft)
    draft.stop(attempt, StopCause.PREEMPTED, 0.0, "why")
    with pytest.raises(InvariantViolated, match="stopped twice"):
        check(draft)


def test_work_on_a_node_that_takes_none_is_found_out() -> None:
    board = Board()
    job = board.submit(gpus=1)
    draft = board.draft()
    elsewhere = an_attempt(job)
    board.cluster.capacity.remove(NodeId("n1"))
    draft.start(elsewhere)
    with pytest.raises(InvariantViolated, match="takes no work"):
        check(draft)


def test_what_never_gets_to_run_is_stopped_and_tried_again_at_most_as_often_as_it_says() -> None:
    board = Board()
    board.put(PoolConfigured(pool=a_pool(start_timeout_s=60.0)))
    job = board.submit(gpus=1, retries=Retries(start=1, backoff_s=0.0))
    (start,) = board.decide().actions
    assert isinstance(start, StartAttempt)
    board.put(AttemptPlaced(attempt=start.attempt))
    assert board.decide().next_look_us == board.now_us + 60 * SECOND_US
    board.wait(60)
    (stop,) = board.decide().actions
    assert isinstance(stop, StopAttempt)
    assert (stop.cause, stop.notice_s) == (StopCause.START_TIMEOUT, 0.0)
    assert stop.reason == "pool lab did not get it to run within 60 s"
    requested = AttemptStopRequested(attempt_id=stop.attempt, cause=stop.cause, notice_s=0.0, reason=stop.reason)
    board.put(requested)
    assert board.decide().actions == ()
    attempt = board.cluster.attempts[stop.attempt]
    outcome = outcome_of_loss(attempt)
    assert outcome is Outcome.START_FAILED
    facts = settle(board.cluster, board.cluster.jobs[job.id], outcome, stop.reason, board.now_us)
    (again,) = facts
    assert isinstance(again, JobRequeued)
    assert again.retries_used == RetriesUsed(start=1)


def test_what_runs_in_time_is_left_alone() -> None:
    board = Board()
    board.put(PoolConfigured(pool=a_pool(start_timeout_s=60.0)))
    board.running(gpus=1)
    board.wait(3600)
    plan = board.decide()
    assert (plan.actions, plan.next_look_us) == ((), None)
