"""Who goes first: priority, fair share by weight, deadline, arrival; and nobody before their time."""

from __future__ import annotations

import random

from tauon.model.cluster import Cluster
from tauon.model.money import Rates
from tauon.model.resources import Resources
from tauon.planner.order import Order
from tauon.planner.shares import Shares, worth_of_types
from tests.builders import SECOND_US, START_US, a_node, a_queue, a_request
from tests.planner.board import Board, started

A, B = a_queue("a"), a_queue("b")


def a_board(*, gpus: int = 8, weights: tuple[float, float] = (1.0, 1.0)) -> Board:
    queues = (a_queue(), *(a_queue(q.name, weight=w) for q, w in zip((A, B), weights, strict=True)))
    return Board(a_node("n1", gpus=gpus), queues=queues)


def test_higher_priority_first_then_arrival() -> None:
    board = a_board()
    jobs = [board.submit(gpus=1, priority=priority) for priority in (0, 2, 1, 2, -1)]
    assert started(board.decide()) == [jobs[i].id for i in (1, 3, 2, 0, 4)]


def test_among_equals_the_nearer_deadline_goes_first_and_none_goes_last() -> None:
    board = a_board()
    due = [None, 3600, 60, None, 600]
    jobs = [board.submit(gpus=1, deadline_us=None if s is None else START_US + s * SECOND_US) for s in due]
    assert started(board.decide()) == [jobs[i].id for i in (2, 4, 1, 0, 3)]


def test_deadlines_count_between_different_requests_too() -> None:
    board = a_board()
    first = board.submit(gpus=2)
    urgent = board.submit(gpus=1, deadline_us=START_US + 60 * SECOND_US)
    assert started(board.decide()) == [urgent.id, first.id]


def test_queues_take_turns_by_what_they_hold() -> None:
    board = a_board(gpus=4)
    for _ in range(4):
        board.submit(gpus=1, queue=A.name)
    for _ in range(4):
        board.submit(gpus=1, queue=B.name)
    plan = board.decide()
    queues = [board.cluster.jobs[job].queue for job in started(plan)]
    assert queues == ["a", "b", "a", "b"]


def test_a_queue_gets_its_share_by_its_weight() -> None:
    board = a_board(gpus=8, weights=(3.0, 1.0))
    for _ in range(8):
        board.submit(gpus=1, queue=A.name)
        board.submit(gpus=1, queue=B.name)
    queues = [board.cluster.jobs[job].queue for job in started(board.decide())]
    assert (queues.count(A.name), queues.count(B.name)) == (6, 2)


def test_what_a_queue_holds_already_counts() -> None:
    board = a_board(gpus=8)
    board.running(gpus=4, queue=A.name)
    for _ in range(4):
        board.submit(gpus=1, queue=A.name)
        board.submit(gpus=1, queue=B.name)
    queues = [board.cluster.jobs[job].queue for job in started(board.decide())]
    assert queues == ["b", "b", "b", "b"]


def test_priority_counts_more_than_share() -> None:
    board = a_board(gpus=8)
    board.running(gpus=6, queue=A.name)
    urgent = board.submit(gpus=1, queue=A.name, priority=1)
    patient = board.submit(gpus=1, queue=B.name)
    assert started(board.decide()) == [urgent.id, patient.id]


def test_a_share_is_that_of_the_scarcest_part() -> None:
    board = Board(a_node("n1", gpus=8, cpu_milli=100_000, memory_mib=1_000))
    shares = Shares(board.cluster, board.now_us)
    assert shares.part({"H100": 800}, 50_000, 0) == 0.5
    assert shares.part({}, 0, 900) == 0.9
    assert shares.part({}, 0, 0) == 0.0
    empty = Cluster()
    assert Shares(empty, 0).part({"H100": 1}, 0, 0) == 0.0


def test_types_count_by_price_else_by_throughput_else_alike() -> None:
    def worth(*prices: tuple[str, int]) -> dict[str, float]:
        shapes = (a_node("n", accelerator=t, rates=Rates(accelerator_micro_usd=p)).shape for t, p in prices)
        return worth_of_types(dict.fromkeys(shapes, 1))

    assert worth(("H100", 2_000_000), ("A100", 1_000_000)) == {"H100": 2_000_000.0, "A100": 1_000_000.0}
    by_speed = worth(("H100", 2_000_000), ("T4", 0))
    assert by_speed["H100"] == 1.0
    assert 0.05 < by_speed["T4"] < 0.1
    assert worth(("H100", 2_000_000), ("home-made", 0)) == {}


def test_siblings_are_compared_level_by_level() -> None:
    names = ("research/vision", "research/nlp", "product")
    board = Board(a_node("n1", gpus=8), queues=tuple(a_queue(name) for name in ("default", "research", *names)))
    board.running(gpus=4, queue="research/vision")
    for name in names:
        board.submit(gpus=1, queue=name)
        board.submit(gpus=1, queue=name)
    queues = [board.cluster.jobs[job].queue for job in started(board.decide())]
    assert queues == ["product", "product", "research/nlp", "research/nlp"]


def test_nobody_starts_before_their_time_and_the_plan_says_when_to_look() -> None:
    board = a_board()
    job = board.running(gpus=8)
    board.end_with_retry(job, after_s=20)
    plan = board.decide()
    assert started(plan) == []
    assert plan.next_look_us == board.now_us + 20 * SECOND_US
    board.wait(20)
    assert started(board.decide()) == [job.id]


def test_one_that_must_wait_does_not_hold_up_its_line() -> None:
    board = a_board(gpus=8)
    late = board.running(gpus=8)
    next_one = board.submit(gpus=8)
    board.end_with_retry(late, after_s=600)
    assert started(board.decide()) == [next_one.id]


def test_jobs_that_wait_for_others_are_not_in_line() -> None:
    board = a_board()
    first = board.running(gpus=1)
    after = board.submit(gpus=1, depends_on=(first.id,))
    assert started(board.decide()) == []
    board.end(first)
    assert started(board.decide()) == [after.id]


def test_the_order_is_the_same_as_by_sorting_all() -> None:
    """With one queue nothing moves while jobs start, so the order is that of a plain sort."""
    rng = random.Random(7)
    for _ in range(50):
        board = a_board(gpus=8)
        jobs = [
            board.submit(
                request=a_request(gpus=rng.choice([0, 1]), cpu=rng.choice([1, 2])),
                priority=rng.randint(0, 2),
                deadline_us=rng.choice([None, START_US + rng.randint(1, 3) * SECOND_US]),
            )
            for _ in range(12)
        ]
        order = Order(board.snapshot())
        served = []
        while (turn := order.next()) is not None:
            served.append(turn[1].id)
            order.served(turn[0], Resources())
        by_hand = sorted(jobs, key=lambda j: (-j.priority, j.deadline_us or 2**62, j.number))
        assert served == [job.id for job in by_hand]
