"""Moving work that runs: where somebody wants it, or where it saves more than the move costs; never back and forth."""

from __future__ import annotations

from typing import Any

from tauon.model.attempt import StopCause
from tauon.model.event import JobMigrationRequested, NodeReady
from tauon.model.ids import NodeId, PoolName
from tauon.model.job import CheckpointPolicy, Job
from tauon.model.plan import LaunchNode, MigrateJob, Plan, StartAttempt, StopAttempt
from tauon.model.resources import CapacityType
from tests.builders import SECOND_US, a_node, an_offer
from tests.planner.board import Board

HOUR = 3600.0
WEST = PoolName("west")


def a_board(*, west_usd_per_h: float = 30.0, **offer: Any) -> tuple[Board, Job]:
    """A job that has run for two hours on a node bought at $16 an hour, and another pool that sells."""
    board = Board(a_node("n1", gpus=0))
    board.offer(an_offer())
    job = board.submit(gpus=8, checkpoint=CheckpointPolicy())
    board.carry_out(board.decide())
    board.boot()
    board.carry_out(board.decide())
    board.wait(2 * HOUR)
    board.offer(an_offer(pool=WEST, usd_per_h=west_usd_per_h, **offer))
    return board, board.cluster.jobs[job.id]


def asked(board: Board, job: Job, to: str = "west") -> None:
    board.put(JobMigrationRequested(job_id=job.id, pool=PoolName(to), by="ada"))


def moves(plan: Plan) -> list[MigrateJob]:
    return [action for action in plan.actions if isinstance(action, MigrateJob)]


def stops(plan: Plan) -> list[StopAttempt]:
    return [action for action in plan.actions if isinstance(action, StopAttempt)]


def test_what_is_to_move_runs_on_until_there_is_room_and_then_goes_on_there() -> None:
    board, job = a_board()
    asked(board, job)
    plan = board.carry_out(board.decide())
    assert stops(plan) == []
    [bought] = [a.node for a in plan.actions if isinstance(a, LaunchNode)]
    assert bought.pool == WEST
    assert board.carry_out(board.decide()).actions == ()  # it is on order
    board.boot()
    [stop] = stops(board.carry_out(board.decide()))
    assert (stop.attempt, stop.cause, stop.notice_s) == (job.attempt, StopCause.MIGRATED, 30.0)
    board.preempted(job)
    [start] = [a for a in board.carry_out(board.decide()).actions if isinstance(a, StartAttempt)]
    assert start.attempt.pool == WEST
    moved = board.cluster.jobs[job.id]
    assert moved.request == job.request
    assert moved.unpinned is None
    assert board.cluster.live.moving == {}


def test_a_move_to_free_room_buys_nothing() -> None:
    board, job = a_board()
    board.put(NodeReady(node=a_node("n2")))
    asked(board, job, "lab")
    [stop] = stops(board.decide())
    assert stop.reason == "it goes on in lab"


def test_a_move_without_room_is_given_up() -> None:
    board, job = a_board(available=0)
    asked(board, job)
    plan = board.carry_out(board.decide())
    assert plan.actions == ()
    assert plan.next_look_us == board.now_us + 900 * SECOND_US
    board.wait(900)
    [given_up] = moves(board.carry_out(board.decide()))
    assert given_up.pool == ""
    assert board.cluster.jobs[job.id].unpinned is None
    assert board.cluster.live.moving == {}


def test_a_job_that_fails_while_it_was_to_move_may_be_anywhere() -> None:
    board, job = a_board()
    asked(board, job)
    board.preempted(job)  # by something else
    waiting = board.cluster.jobs[job.id]
    assert waiting.request == job.request
    assert board.cluster.live.moving == {}


def test_work_moves_where_it_saves_more_than_the_move_costs() -> None:
    board, job = a_board(west_usd_per_h=8.0)
    [move] = moves(board.carry_out(board.decide()))
    assert (move.job, move.pool) == (job.id, "west")
    assert "$8.00 an hour for its work there instead of $16.00 here saves about $15.73" in move.reason  # 2 h x 8 - boot
    assert moves(board.decide()) == []


def test_a_small_saving_or_a_short_rest_is_not_worth_it() -> None:
    board, _ = a_board(west_usd_per_h=15.0)
    assert moves(board.decide()) == []
    board, job = a_board(west_usd_per_h=8.0, boot_s=2 * HOUR)
    assert moves(board.decide()) == []
    assert job.attempt is not None


def test_what_can_not_save_its_work_stays() -> None:
    board = Board(a_node("n1", gpus=0))
    board.offer(an_offer())
    board.submit(gpus=8)
    board.carry_out(board.decide())
    board.boot()
    board.carry_out(board.decide())
    board.wait(2 * HOUR)
    board.offer(an_offer(pool=WEST, usd_per_h=1.0))
    assert moves(board.decide()) == []


def test_work_with_a_deadline_does_not_move_to_what_can_be_taken_away() -> None:
    board = Board(a_node("n1", gpus=0))
    board.offer(an_offer())
    board.submit(
        gpus=8,
        checkpoint=CheckpointPolicy(),
        deadline_us=board.now_us + round(9 * HOUR) * SECOND_US,
        timeout_s=4 * HOUR,
    )
    board.carry_out(board.decide())
    board.boot()
    board.carry_out(board.decide())
    board.wait(2 * HOUR)
    board.offer(an_offer("spot", pool=WEST, usd_per_h=2.0, capacity_type=CapacityType.SPOT))
    assert moves(board.decide()) == []


def test_a_job_that_moved_stays_for_an_hour() -> None:
    board, job = a_board(west_usd_per_h=8.0)
    board.carry_out(board.decide())
    board.carry_out(board.decide())
    board.boot()
    board.carry_out(board.decide())
    board.preempted(job)
    board.carry_out(board.decide())
    assert board.cluster.attempts[board.cluster.jobs[job.id].attempt or ""].pool == WEST  # type: ignore[index]
    board.offer(an_offer(pool=PoolName("north"), usd_per_h=1.0))
    board.wait(3000)
    assert moves(board.decide()) == []
    board.wait(2 * HOUR)
    assert [move.pool for move in moves(board.decide())] == ["north"]


def test_the_state_is_the_same_after_a_restart() -> None:
    board, job = a_board()
    asked(board, job)
    moving = board.cluster.jobs[job.id]
    assert moving.request.constraints.pools == ("west",)
    assert moving.unpinned == job.request
    assert list(board.cluster.live.moving) == [job.id]
    assert NodeId("n1") in board.cluster.nodes
