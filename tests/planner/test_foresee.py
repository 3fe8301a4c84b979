"""When a waiting job will start is what comes true if nothing else comes; where nothing is known, that is said."""

from __future__ import annotations

from msgspec.structs import replace

from tauon.model.job import Job
from tauon.model.outlook import Pace
from tauon.planner.foresee import Foreseen, copy_of, foresee
from tests.builders import SECOND_US, START_US, a_node, a_queue
from tests.planner.board import Board


class Known:
    """An outlook by job."""

    def __init__(self, **seconds: float) -> None:
        self._seconds = seconds

    def remaining_us(self, job: Job, ran_us: int) -> int | None:
        known = self._seconds.get(job.id)
        return None if known is None else max(0, round(known * SECOND_US) - ran_us)

    def pace(self, job: Job, ran_us: int) -> Pace:
        raise NotImplementedError


def seen(board: Board, job: Job, outlook: Known) -> Foreseen:
    return foresee(replace(board.snapshot(), outlook=outlook), copy_of(board.cluster), job.id)


def test_it_starts_when_the_ones_on_its_place_end() -> None:
    board = Board(a_node("n1", gpus=8))
    first, second = board.running(gpus=4), board.running(gpus=4)
    board.wait(10)
    wide, small = board.submit(gpus=8), board.submit(gpus=4)
    outlook = Known(j1=100, j2=3_000, j3=60, j4=5)
    found = seen(board, wide, outlook)
    assert found.starts_at_us == START_US + 3_000 * SECOND_US
    assert found.after[0] == second.id
    assert set(found.after) <= {first.id, second.id, small.id}
    assert seen(board, small, outlook) == Foreseen(starts_at_us=START_US + 100 * SECOND_US, after=(first.id,))


def test_it_waits_for_those_before_it_in_line() -> None:
    board = Board(a_node("n1", gpus=8))
    first = board.running(gpus=8)
    jobs = [board.submit(gpus=8) for _ in range(3)]
    found = seen(board, jobs[2], Known(j1=100, j2=50, j3=7))
    assert found == Foreseen(starts_at_us=START_US + 157 * SECOND_US, after=(jobs[1].id, jobs[0].id, first.id))


def test_a_time_limit_tells_where_nothing_is_predicted() -> None:
    board = Board(a_node("n1", gpus=8))
    board.running(gpus=8, timeout_s=500.0)
    assert seen(board, board.submit(gpus=1), Known()).starts_at_us == START_US + 500 * SECOND_US


def test_a_limit_that_comes_before_the_predicted_end_holds() -> None:
    board = Board(a_node("n1", gpus=8))
    board.running(gpus=8, timeout_s=500.0)
    assert seen(board, board.submit(gpus=1), Known(j1=10_000)).starts_at_us == START_US + 500 * SECOND_US


def test_where_nothing_tells_that_is_said() -> None:
    board = Board(a_node("n1", gpus=8))
    board.running(gpus=8)
    found = seen(board, board.submit(gpus=1), Known())
    assert found.starts_at_us is None
    assert found.unknown == "nothing tells when j1 will end: no time limit, and too few like them have ended"


def test_what_will_never_fit_is_not_promised() -> None:
    board = Board(a_node("n1", gpus=8))
    board.running(gpus=8)
    found = seen(board, board.submit(gpus=8, workers=2), Known(j1=10))
    assert found.unknown == "not even when all that runs now has ended"


def test_a_more_urgent_one_that_waits_goes_first_and_one_that_may_preempt_needs_no_end() -> None:
    board = Board(a_node("n1", gpus=8), queues=(a_queue(),))
    board.running(gpus=8)
    plain, urgent = board.submit(gpus=8), board.submit(gpus=8, priority=1)
    outlook = Known(j1=1_000, j2=10, j3=100)
    found = seen(board, urgent, outlook)
    assert found.starts_at_us is not None
    assert START_US < found.starts_at_us <= START_US + 60 * SECOND_US
    later = seen(board, plain, outlook).starts_at_us
    assert later is not None
    assert later >= found.starts_at_us + 100 * SECOND_US


def test_nothing_of_it_happens() -> None:
    board = Board(a_node("n1", gpus=8))
    board.running(gpus=8)
    job = board.submit(gpus=8)
    before = copy_of(board.cluster)
    seen(board, job, Known(j1=10))
    assert copy_of(board.cluster) == before
