"""Orders within a queue: by size, with patience and deadlines, strictly or not, and work that takes turns."""

from __future__ import annotations

from typing import Any

import pytest

from tauon.model.attempt import Outcome
from tauon.model.job import CheckpointPolicy
from tauon.model.plan import WaitCode
from tauon.model.queue import Queue, QueueOrder
from tests.builders import START_US, a_node, a_queue
from tests.planner.board import Board, Foreseen, reason, started, stopped

SAVES = CheckpointPolicy(interval_s=0.0, notice_s=10.0)
HOUR_S = 3600.0


def a_board(order: QueueOrder, *, gpus: int = 8, nodes: int = 1, **options: Any) -> Board:
    queue: Queue = a_queue(order=order, **({"min_run_s": 0.0} | options))
    return Board(*(a_node(f"n{i}", gpus=gpus) for i in range(1, nodes + 1)), queues=(queue,))


def test_the_shortest_goes_first_and_the_unknown_last() -> None:
    board = a_board(QueueOrder.SHORTEST)
    jobs = [board.submit(gpus=1) for _ in range(4)]
    board.outlook = Foreseen(j1=300, j2=100, j4=200)
    assert started(board.decide()) == [jobs[i].id for i in (1, 3, 0, 2)]


def test_the_smallest_counts_what_is_taken_meanwhile() -> None:
    board = a_board(QueueOrder.SMALLEST)
    wide, long = board.submit(gpus=4), board.submit(gpus=1)
    board.outlook = Foreseen(j1=100, j2=300)
    assert started(board.decide()) == [long.id, wide.id]


def test_what_has_had_least_goes_first() -> None:
    board = a_board(QueueOrder.LEAST_SERVED, gpus=1)
    old = board.running(gpus=1, checkpoint=SAVES)
    board.wait(6 * HOUR_S)  # past the first level
    board.end(old, Outcome.PREEMPTED)
    young = board.submit(gpus=1)
    assert started(board.decide()) == [young.id]


def test_whoever_has_waited_too_long_goes_first_one_at_a_time() -> None:
    board = a_board(QueueOrder.SHORTEST, patience_s=HOUR_S)
    long, longer = board.submit(gpus=1), board.submit(gpus=1)
    board.wait(2 * HOUR_S)
    short = board.submit(gpus=1)
    board.outlook = Foreseen(j1=900, j2=1000, j3=10)
    assert started(board.decide()) == [long.id, short.id, longer.id]


def test_without_patience_the_order_is_all() -> None:
    board = a_board(QueueOrder.SHORTEST, patience_s=None)
    long = board.submit(gpus=1)
    board.wait(1000 * HOUR_S)
    short = board.submit(gpus=1)
    board.outlook = Foreseen(j1=900, j2=10)
    assert started(board.decide()) == [short.id, long.id]


@pytest.mark.parametrize("order", [o for o in QueueOrder if o is not QueueOrder.FIFO])
def test_a_deadline_that_is_near_goes_before_what_is_shorter(order: QueueOrder) -> None:
    board = a_board(order)
    short = board.submit(gpus=1)
    due = board.submit(gpus=1, deadline_us=START_US + round(2 * HOUR_S * 1e6))
    later = board.submit(gpus=1, deadline_us=START_US + round(100 * HOUR_S * 1e6))
    board.outlook = Foreseen(j1=60, j2=1.9 * HOUR_S, j3=2 * HOUR_S)
    assert started(board.decide()) == [due.id, short.id, later.id]


def test_in_a_strict_queue_nothing_goes_past_what_waits() -> None:
    board = a_board(QueueOrder.FIFO, strict=True)
    board.running(gpus=4)
    wide, narrow = board.submit(gpus=8), board.submit(gpus=1)
    plan = board.decide()
    assert started(plan) == []
    assert reason(plan, narrow).code is WaitCode.BEHIND
    assert reason(plan, narrow).waits_for == (wide.id,)


def test_in_a_strict_queue_higher_priorities_still_start() -> None:
    board = a_board(QueueOrder.FIFO, strict=True)
    board.running(gpus=4)
    board.submit(gpus=8)
    urgent = board.submit(gpus=2, priority=5)
    assert started(board.decide()) == [urgent.id]


def test_what_fits_nowhere_holds_nobody_back() -> None:
    board = a_board(QueueOrder.FIFO, strict=True)
    board.submit(gpus=16)
    small = board.submit(gpus=1)
    assert started(board.decide()) == [small.id]


def test_a_shorter_one_takes_the_turn_of_a_longer_one_that_saves() -> None:
    board = a_board(QueueOrder.SHORTEST, take_turns=True)
    board.outlook = Foreseen(j1=10_000, j2=100)
    long = board.running(gpus=8, checkpoint=SAVES)
    board.wait(60)
    short = board.submit(gpus=8)
    plan = board.decide()
    assert stopped(plan) == [long.id]
    assert reason(plan, short).code is WaitCode.PREEMPTING
    board.carry_out(plan)
    board.end(long, Outcome.PREEMPTED)
    assert started(board.decide()) == [short.id]


@pytest.mark.parametrize("order", [QueueOrder.SHORTEST, QueueOrder.SMALLEST, QueueOrder.TURNAROUND])
def test_nobody_gives_way_who_saves_nothing_or_has_just_begun_or_is_as_good(order: QueueOrder) -> None:
    board = a_board(order, gpus=3, take_turns=True, min_run_s=300.0)
    board.outlook = Foreseen(j1=10_000, j2=100, j3=10_000, j4=90)
    board.running(gpus=1)  # loses all
    board.running(gpus=1, checkpoint=SAVES)  # about as short
    board.wait(50)
    board.running(gpus=1, checkpoint=SAVES)  # has just begun
    board.wait(40)
    board.submit(gpus=1)
    board.outlook.seconds["j4"] = 95
    plan = board.decide()
    assert stopped(plan) == []
    assert plan.next_look_us is not None
    assert plan.next_look_us <= START_US + 350 * 1_000_000  # when the third has run its least


def test_without_turns_nobody_gives_way() -> None:
    board = a_board(QueueOrder.SHORTEST)
    board.outlook = Foreseen(j1=10_000, j2=1)
    board.running(gpus=8, checkpoint=SAVES)
    board.wait(60)
    board.submit(gpus=8)
    assert stopped(board.decide()) == []


def test_another_queue_gives_no_turn() -> None:
    mine = a_queue("mine", order=QueueOrder.SHORTEST, take_turns=True, min_run_s=0.0)
    board = Board(a_node("n1"), queues=(a_queue(), mine))
    board.outlook = Foreseen(j1=10_000, j2=1)
    board.running(gpus=8, checkpoint=SAVES)
    board.wait(60)
    board.submit(gpus=8, queue=mine.name)
    assert stopped(board.decide()) == []


def test_turnaround_stops_work_only_where_what_runs_then_is_worth_more() -> None:
    board = a_board(QueueOrder.TURNAROUND, take_turns=True)
    board.outlook = Foreseen(**{f"j{i}": 400 for i in range(1, 9)}, j9=100, j10=10)
    for _ in range(8):
        board.running(gpus=1, checkpoint=SAVES)
    board.wait(1)
    board.submit(gpus=8)  # completes four times as fast as each of eight that complete meanwhile
    assert stopped(board.decide()) == []
    board.submit(gpus=8)  # forty times
    assert len(stopped(board.decide())) == 8


def test_who_was_promised_a_turn_gets_it_though_the_stopped_one_is_denser() -> None:
    board = a_board(QueueOrder.TURNAROUND, gpus=4, take_turns=True)
    board.outlook = Foreseen(j1=1_000, j2=100, j3=50)
    wide = board.running(gpus=3, checkpoint=SAVES)
    dense = board.running(gpus=1, checkpoint=SAVES)
    board.wait(1)
    quick = board.submit(gpus=4)
    plan = board.carry_out(board.decide())
    assert set(stopped(plan)) == {wide.id, dense.id}
    for job in (wide, dense):
        board.end(job, Outcome.PREEMPTED)
    assert started(board.decide()) == [quick.id]


def test_a_gang_takes_the_turns_on_the_nodes_where_they_cost_least() -> None:
    board = a_board(QueueOrder.TURNAROUND, nodes=3, take_turns=True)
    board.outlook = Foreseen(j1=200, j2=9_000, j3=8_000, j4=100)
    jobs = [board.running(gpus=8, checkpoint=SAVES) for _ in range(3)]
    board.wait(1)
    board.submit(gpus=8, workers=2)
    assert set(stopped(board.decide())) == {jobs[1].id, jobs[2].id}
