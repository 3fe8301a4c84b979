"""Who must give way: only lower work, as little of it as possible, with notice; and its place is kept for whom it was."""

from __future__ import annotations

import itertools
import random

from tauon.model.attempt import Attempt, StopCause
from tauon.model.event import NodeDraining
from tauon.model.ids import NodeId, PoolName
from tauon.model.job import CheckpointPolicy, Job
from tauon.model.plan import StopAttempt, WaitCode
from tauon.model.resources import Constraints
from tauon.planner.fit import choices, find
from tauon.planner.preempt import lost_work
from tests.builders import SECOND_US, START_US, a_job, a_node, a_request, an_attempt
from tests.planner.board import Board, reason, started, stopped

SAVES_OFTEN = CheckpointPolicy(interval_s=10, notice_s=30)
SAVES_AT_NOTICE = CheckpointPolicy(interval_s=0, notice_s=45)


def test_only_lower_priority_gives_way() -> None:
    board = Board()
    board.running(gpus=8, priority=1)
    board.submit(gpus=8, priority=1)
    assert stopped(board.decide()) == []
    urgent = board.submit(gpus=8, priority=2)
    plan = board.decide()
    assert stopped(plan) == ["j1"]
    assert reason(plan, urgent).code is WaitCode.PREEMPTING
    assert reason(plan, urgent).waits_for == ("j1",)


def test_nothing_is_stopped_where_something_is_free() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    board.running(gpus=8)
    urgent = board.submit(gpus=8, priority=9)
    plan = board.decide()
    assert stopped(plan) == []
    assert started(plan) == [urgent.id]


def test_nothing_is_stopped_when_it_would_not_help() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    board.running(gpus=8, priority=0)
    board.running(gpus=8, priority=5)
    wide = board.submit(gpus=8, workers=2, priority=5)
    plan = board.decide()
    assert stopped(plan) == []
    assert reason(plan, wide).code is WaitCode.CAPACITY


def test_the_lowest_priority_gives_way_first() -> None:
    board = Board()
    board.running(gpus=4, priority=1)
    low = board.running(gpus=4, priority=0)
    board.submit(gpus=4, priority=2)
    assert stopped(board.decide()) == [low.id]


def test_the_one_that_loses_least_gives_way() -> None:
    board = Board()
    never = board.running(gpus=2)
    often = board.running(gpus=2, checkpoint=SAVES_OFTEN)
    board.wait(1000)
    young = board.running(gpus=2)
    at_notice = board.running(gpus=2, checkpoint=SAVES_AT_NOTICE)
    board.wait(7)
    jobs = (never, often, young, at_notice)
    lost_s = [lost_work(board.attempt(job), job, board.now_us) / 2000 / SECOND_US for job in jobs]
    assert lost_s == [1007, 7, 7, 0]
    board.submit(gpus=2, priority=1)
    assert stopped(board.decide()) == [at_notice.id]


def test_an_attempt_that_does_not_run_yet_loses_nothing() -> None:
    job = a_job(gpus=8)
    assert lost_work(an_attempt(job), job, START_US + 10**9) == 0


def test_many_small_losses_are_weighed_against_a_large_one() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    one = board.running(gpus=8)
    board.wait(100)
    eight = [board.running(gpus=1) for _ in range(8)]
    board.wait(50)
    board.submit(gpus=8, priority=1)
    assert set(stopped(board.decide())) == {job.id for job in eight}, "8 x 50 GPU-seconds are less than 8 x 150"
    younger = board.running(request=a_request(gpus=0))
    assert younger.id not in stopped(board.decide()), "nothing that gives no accelerator back"
    assert one.id not in stopped(board.decide())


def test_what_is_free_on_a_node_already_makes_it_cheaper() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    board.running(gpus=8)
    board.wait(100)
    eight = [board.running(gpus=1) for _ in range(8)]
    board.wait(900)
    for job in eight[:6]:
        board.end(job)
    board.submit(gpus=8, priority=1)
    assert set(stopped(board.decide())) == {job.id for job in eight[6:]}, "2 x 900 is less than 8 x 1000"


def test_no_more_is_stopped_than_is_needed() -> None:
    board = Board()
    for _ in range(8):
        board.running(gpus=1)
    board.submit(gpus=3, priority=1)
    assert len(stopped(board.decide())) == 3
    board.submit(gpus=4, priority=1)
    assert len(stopped(board.decide())) == 7
    board.submit(gpus=2, priority=1)
    assert len(stopped(board.decide())) == 7, "a third one does not fit, whoever is stopped"


def test_work_where_the_job_may_not_run_is_left_alone() -> None:
    board = Board(a_node("n1"), a_node("n2", accelerator="A100"), a_node("n3", pool=PoolName("cloud")))
    board.running(request=a_request(gpus=8, kinds=("A100",)))
    pools = {board.attempt(job).pool: job for job in (board.running(gpus=8), board.running(gpus=8))}
    board.submit(request=a_request(gpus=8, constraints=Constraints(pools=("lab",))), priority=1)
    assert stopped(board.decide()) == [pools[PoolName("lab")].id]


def test_work_on_a_draining_node_is_left_alone() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    first, second = board.running(gpus=8), board.running(gpus=8)
    drained = board.attempt(first).placement[0].node
    board.put(NodeDraining(node_id=drained, reason="maintenance"))
    board.submit(gpus=8, priority=1)
    assert stopped(board.decide()) == [second.id]


def test_work_without_accelerators_gives_way_to_work_with_some() -> None:
    board = Board(a_node("n1", cpu_milli=8_000))
    hog = board.running(gpus=0, request=a_request(gpus=0, cpu=8))
    board.submit(gpus=1, priority=1)
    assert stopped(board.decide()) == [hog.id]


def test_shares_give_way_for_a_whole() -> None:
    board = Board(a_node("n1", gpus=2))
    shares = [board.running(gpus=0.5) for _ in range(4)]
    board.submit(gpus=1, priority=1)
    together = {job.id for job in shares if board.attempt(job).placement[0].accelerators == (1,)}
    assert set(stopped(board.decide())) in (together, {job.id for job in shares} - together)


def test_a_gang_that_spans_nodes_is_stopped_once() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    gang = board.running(gpus=8, workers=2)
    board.submit(gpus=8, workers=2, priority=1)
    assert stopped(board.decide()) == [gang.id]


def test_the_notice_is_what_the_job_asked_for() -> None:
    board = Board()
    board.running(gpus=4, checkpoint=SAVES_AT_NOTICE)
    board.running(gpus=4)
    board.submit(gpus=8, priority=1)
    notices = {a.attempt: (a.notice_s, a.cause) for a in board.decide().actions if isinstance(a, StopAttempt)}
    assert notices == {"j1-1": (45, StopCause.PREEMPTED), "j2-1": (5, StopCause.PREEMPTED)}


def test_the_place_is_kept_while_the_work_on_it_stops() -> None:
    board = Board()
    low = board.running(gpus=6)
    urgent = board.submit(gpus=8, priority=1)
    small = board.submit(gpus=1)
    plan = board.carry_out(board.decide())
    assert (stopped(plan), started(plan)) == ([low.id], [])
    assert reason(plan, small).code is WaitCode.RESERVED
    assert reason(plan, small).waits_for == (urgent.id,)
    again = board.carry_out(board.decide())
    assert (stopped(again), started(again)) == ([], [])
    assert reason(again, urgent).waits_for == (low.id,)
    board.end(low)
    assert started(board.decide()) == [urgent.id]


def test_what_is_not_kept_is_there_for_all() -> None:
    board = Board(a_node("n1"), a_node("n2"), a_node("n3"))
    board.running(gpus=8)
    cheaper = board.running(gpus=6)
    board.running(gpus=7)
    board.wait(60)
    board.submit(gpus=8, priority=1)
    small, large = board.submit(gpus=1), board.submit(gpus=2)
    plan = board.decide()
    assert stopped(plan) == [cheaper.id]
    assert started(plan) == [small.id], "on the node of which nothing is kept"
    assert reason(plan, large).code is WaitCode.RESERVED


def test_an_even_more_urgent_one_may_take_the_place() -> None:
    board = Board()
    low = board.running(gpus=8)
    board.submit(gpus=8, priority=1)
    board.carry_out(board.decide())
    highest = board.submit(gpus=8, priority=2)
    assert stopped(board.decide()) == []
    board.end(low)
    assert started(board.decide()) == [highest.id]


def test_many_equal_urgent_jobs_make_room_at_once() -> None:
    board = Board(*(a_node(f"n{i}") for i in range(4)))
    for _ in range(32):
        board.running(gpus=1)
    urgent = [board.submit(gpus=1, priority=1) for _ in range(20)]
    assert len(stopped(board.decide())) == 20
    plan = board.carry_out(board.decide())
    assert reason(plan, urgent[0]).code is WaitCode.PREEMPTING


def test_no_urgent_line_is_starved_by_others_that_can_not_be_served() -> None:
    board = Board(a_node("n1"), a_node("n2", accelerator="A100"))
    board.running(gpus=8, priority=9)
    low = board.running(request=a_request(gpus=8, kinds=("A100",)))
    for number in range(40):
        board.submit(request=a_request(gpus=1, memory_mib=number), priority=5)
    board.submit(request=a_request(gpus=1, kinds=("A100",)), priority=1)
    assert stopped(board.decide()) == [low.id]


def test_more_rooms_than_one_plan_makes_are_made_by_the_next_at_once() -> None:
    board = Board(*(a_node(f"n{i}") for i in range(10)))
    for _ in range(80):
        board.running(gpus=1)
    for number in range(70):
        board.submit(request=a_request(gpus=1, memory_mib=number), priority=1)
    seen: set[str] = set()
    for _ in range(4):
        plan = board.carry_out(board.decide())
        seen |= set(stopped(plan))
        if plan.next_look_us != board.now_us:
            break
    assert len(seen) == 70


def test_what_was_blocked_is_looked_at_again_as_soon_as_something_is_told_to_stop() -> None:
    board = Board()
    held = board.running(gpus=8, priority=1, timeout_s=100.0)
    waiting = board.submit(gpus=8, priority=1)
    board.carry_out(board.decide())
    board.wait(100)
    plan = board.decide()
    assert stopped(plan) == [held.id]
    assert reason(plan, waiting).code is WaitCode.PREEMPTING, "its place is being emptied"


# ------------------------------------------------------------------- against a naive search


def test_the_set_is_as_cheap_as_any_on_one_node() -> None:
    """One worker, one priority: nothing is stopped in vain, and no set of victims loses less than half as much."""
    rng = random.Random(11)
    compared = 0
    for _ in range(150):
        board, urgent = _random_board(rng)
        plan = board.decide()
        chosen = [board.cluster.jobs[job] for job in board.cluster.jobs if job in stopped(plan)]
        if urgent.id in started(plan):
            continue
        if not chosen:
            assert not _fits_without(board, urgent, list(board.cluster.attempts.values()))
            continue
        compared += 1
        assert _fits_without(board, urgent, [board.attempt(job) for job in chosen])
        for spared in chosen:
            rest = [board.attempt(job) for job in chosen if job is not spared]
            assert not _fits_without(board, urgent, rest), f"{spared.id} need not have been stopped"
        assert _lost(board, chosen) <= 2 * _cheapest(board, urgent)
    assert compared > 60


def _random_board(rng: random.Random) -> tuple[Board, Job]:
    board = Board(*(a_node(f"n{i}", gpus=4, cpu_milli=8_000) for i in range(2)))
    for _ in range(rng.randint(3, 8)):
        board.submit(request=a_request(gpus=rng.choice([0, 0.5, 1, 2, 4]), cpu=rng.choice([1, 2])))
        board.carry_out(board.decide())
        board.wait(rng.choice([1, 10, 100]))
    urgent = board.submit(request=a_request(gpus=rng.choice([0.5, 1, 2, 4]), cpu=rng.choice([1, 4])), priority=1)
    return board, urgent


def _fits_without(board: Board, job: Job, gone: list[Attempt]) -> bool:
    view = board.cluster.capacity.fork()
    for attempt in gone:
        for worker in attempt.placement:
            view.change(worker, attempt.resources, +1)
    return find(job.request, choices(job.request, board.snapshot().terrain), view) is not None


def _lost(board: Board, jobs: list[Job]) -> int:
    return sum(lost_work(board.attempt(job), job, board.now_us) for job in jobs)


def _cheapest(board: Board, urgent: Job) -> int:
    running = [board.cluster.jobs[attempt.job] for attempt in board.cluster.attempts.values()]
    sets = (list(some) for size in range(len(running) + 1) for some in itertools.combinations(running, size))
    return min(_lost(board, some) for some in sets if _fits_without(board, urgent, [board.attempt(j) for j in some]))


def test_a_node_that_is_gone_from_the_index_is_no_place() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    gang = board.running(gpus=8, workers=2)
    board.put(NodeDraining(node_id=NodeId("n2"), reason="maintenance"))
    board.submit(gpus=8, workers=2, priority=1)
    assert stopped(board.decide()) == []
    board.submit(gpus=8, workers=1, priority=1)
    assert stopped(board.decide()) == [gang.id]
