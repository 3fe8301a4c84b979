"""Guarantees, maxima, borrowing and taking back: nobody above a limit, everybody gets what is theirs within a bound."""

from __future__ import annotations

from typing import Any

from tauon.model.plan import WaitCode
from tauon.model.queue import Queue
from tests.builders import SECOND_US, a_node, a_queue
from tests.planner.board import Board, reason, started, stopped

GPU = 1000


def a_tree(**settings: dict[str, Any]) -> tuple[Queue, ...]:
    """Queues by name, with a slash where the name has two underscores; amounts of H100 as plain numbers."""
    queues = [a_queue()]
    for name, fields in settings.items():
        amounts = {k: {"H100": fields.pop(k) * GPU} for k in ("guarantee", "maximum") if k in fields}
        queues.append(a_queue(name.replace("__", "/"), **amounts, **fields))
    return tuple(queues)


def test_nothing_starts_above_a_maximum_and_others_are_not_held_up() -> None:
    board = Board(queues=a_tree(small={"maximum": 4}, big={}))
    first = board.running(gpus=3, queue="small")
    too_much = board.submit(gpus=2, queue="small")
    fits = board.submit(gpus=1, queue="small")
    other = board.submit(gpus=4, queue="big")
    plan = board.carry_out(board.decide())
    assert sorted(started(plan)) == sorted([fits.id, other.id])
    why = reason(plan, too_much)
    assert why.code is WaitCode.QUOTA
    assert "queue small is at its maximum of 4 H100: it holds" in why.message
    board.end(first)
    assert started(board.decide()) == [too_much.id]


def test_a_maximum_holds_for_all_queues_below() -> None:
    board = Board(queues=a_tree(research={"maximum": 4}, research__vision={}, research__nlp={}))
    board.running(gpus=3, queue="research/vision")
    waits = board.submit(gpus=2, queue="research/nlp")
    plan = board.decide()
    assert started(plan) == []
    assert "queue research is at its maximum of 4 H100" in reason(plan, waits).message


def test_money_an_hour_is_a_maximum_too() -> None:
    # An H100 with a core and a GiB costs 2.034 dollars an hour.
    board = Board(queues=(a_queue(), a_queue("thrifty", max_micro_usd_per_h=5_000_000)))
    jobs = [board.submit(gpus=1, queue="thrifty") for _ in range(3)]
    plan = board.carry_out(board.decide())
    assert started(plan) == [jobs[0].id, jobs[1].id]
    assert "queue thrifty may spend $5.00 an hour: it spends $4.07" in reason(plan, jobs[2]).message
    board.end(jobs[0])
    assert started(board.decide()) == [jobs[2].id]


def test_who_may_not_borrow_stays_within_the_guarantee() -> None:
    board = Board(queues=a_tree(modest={"guarantee": 2, "borrow": False}))
    jobs = [board.submit(gpus=1, queue="modest") for _ in range(3)]
    assert started(board.decide()) == [jobs[0].id, jobs[1].id]


def test_at_a_maximum_the_more_urgent_of_the_queue_goes_first() -> None:
    board = Board(queues=a_tree(small={"maximum": 4}))
    low = board.running(gpus=4, queue="small")
    urgent = board.submit(gpus=2, queue="small", priority=5)
    plan = board.carry_out(board.decide())
    assert stopped(plan) == [low.id]
    board.end(low)
    assert started(board.decide()) == [urgent.id]


def test_idle_guarantees_are_borrowed_and_taken_back() -> None:
    board = Board(
        queues=a_tree(product={"guarantee": 4, "min_run_s": 100.0}, research={"guarantee": 4, "min_run_s": 100.0})
    )
    borrowers = [board.running(gpus=2, queue="research", priority=3) for _ in range(4)]
    owner = board.submit(gpus=4, queue="product")
    plan = board.carry_out(board.decide())
    assert stopped(plan) == []
    assert reason(plan, owner).code is WaitCode.RECLAIMING
    assert plan.next_look_us == board.now_us + 100 * SECOND_US
    board.wait(100)
    plan = board.carry_out(board.decide())
    assert len(stopped(plan)) == 2  # as much as was borrowed, and no more
    for job in borrowers:
        if job.id in stopped(plan):
            board.end_with_retry(job, after_s=0)
    plan = board.carry_out(board.decide())
    assert started(plan) == [owner.id]
    assert stopped(board.carry_out(board.decide())) == []


def test_what_is_kept_for_an_owner_is_not_lent_again() -> None:
    board = Board(queues=a_tree(product={"guarantee": 4}, research={}))
    for _ in range(3):
        board.running(gpus=2, queue="research")
    owner = board.submit(gpus=4, queue="product")
    borrower = board.submit(gpus=2, queue="research")
    plan = board.decide()
    assert started(plan) == []
    assert reason(plan, owner).code is WaitCode.RECLAIMING
    assert reason(plan, borrower).code is WaitCode.RESERVED


def test_the_owner_goes_before_a_borrower_of_higher_priority() -> None:
    board = Board(queues=a_tree(product={"guarantee": 4}, research={}))
    borrower = board.submit(gpus=8, queue="research", priority=9)
    owner = board.submit(gpus=4, queue="product")
    assert started(board.decide()) == [owner.id]
    assert borrower.id not in started(board.decide())


def test_work_within_its_guarantee_gives_way_to_no_borrower() -> None:
    board = Board(queues=a_tree(product={"guarantee": 8}, research={}))
    board.running(gpus=8, queue="product")
    board.submit(gpus=1, queue="research", priority=100)
    assert stopped(board.decide()) == []


def test_within_a_queue_and_among_borrowers_priority_decides_at_once() -> None:
    board = Board(queues=a_tree(product={"guarantee": 8}, research={}))
    low = board.running(gpus=8, queue="product")
    board.submit(gpus=8, queue="product", priority=1)
    assert stopped(board.decide()) == [low.id]


def test_a_parents_guarantee_protects_what_its_children_share() -> None:
    tree = a_tree(
        research={"guarantee": 8, "min_run_s": 0.0},
        research__vision={"guarantee": 2, "min_run_s": 0.0},
        research__nlp={"guarantee": 2, "min_run_s": 0.0},
        product={"min_run_s": 0.0},
    )
    board = Board(queues=tree)
    vision = [board.running(gpus=2, queue="research/vision") for _ in range(4)]
    board.submit(gpus=2, queue="product", priority=5)
    assert stopped(board.decide()) == []  # research as a whole is within its guarantee
    board.submit(gpus=2, queue="research/nlp")
    plan = board.decide()
    assert len(stopped(plan)) == 1
    assert stopped(plan)[0] in {job.id for job in vision}


def test_fewest_lost_gpu_seconds_first() -> None:
    board = Board(a_node("n1"), queues=a_tree(product={"guarantee": 4}, research={"min_run_s": 10.0}))
    old = board.running(gpus=4, queue="research")
    board.wait(1000)
    young = board.running(gpus=4, queue="research")
    board.wait(20)
    board.submit(gpus=4, queue="product")
    assert stopped(board.decide()) == [young.id]
    assert old.id not in stopped(board.decide())


def test_what_was_used_of_late_counts_and_fades() -> None:
    board = Board(queues=(a_queue(), a_queue("a", half_life_s=100.0), a_queue("b", half_life_s=100.0)))
    job = board.running(gpus=8, queue="a")
    board.wait(100)
    board.end(job)
    for _ in range(4):
        board.submit(gpus=2, queue="a")
        board.submit(gpus=2, queue="b")
    first = [board.cluster.jobs[j].queue for j in started(board.decide())]
    assert first == ["b", "b", "a", "b"]
    assert board.cluster.queues[job.queue].past.accelerators["H100"] == 4000.0
