"""How simulated work really runs: what is saved when, what a notice and a kill do, and what must never be."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tauon.model.attempt import Attempt, StopCause
from tauon.model.errors import InvariantViolated
from tauon.model.ids import JobId, NodeId, attempt_id
from tauon.ports.providers import AttemptObserved, Ending, Phase, StopOrder
from tauon.simulator.clock import VirtualClock
from tauon.simulator.execution import Execution
from tauon.simulator.labour import Labour
from tauon.simulator.scenario import Work
from tests.builders import SECOND_US, START_US, a_job, an_attempt

JOB = a_job()


class Bench:
    """One job's attempts, one after another, and what was told of them."""

    def __init__(self, work: Work) -> None:
        self.clock = VirtualClock(START_US)
        self.labour = Labour()
        self.labour.know(JOB.id, work)
        self.told: list[AttemptObserved] = []

    def start(self, number: int = 1, attempt: Attempt | None = None) -> Execution:
        attempt = attempt or replace(an_attempt(JOB), id=attempt_id(JOB.id, number), number=number)
        execution = Execution(attempt, self.labour, self.clock, self.told.append)
        execution.start_at(self.clock.now_us() + SECOND_US)
        return execution

    def stop(self, execution: Execution, notice_s: float) -> None:
        order = StopOrder(
            attempt=execution.attempt.id,
            cause=StopCause.PREEMPTED,
            notice_s=notice_s,
            requested_at_us=self.clock.now_us(),
        )
        execution.stop(order)

    def at(self, seconds: float) -> None:
        self.clock.advance(START_US + round(seconds * SECOND_US))

    def ended(self) -> tuple[float, Ending | None, tuple[int | None, ...]]:
        """When the last attempt ended, and how; time runs on until it does."""
        while self.told[-1].phase is not Phase.ENDED:
            next_us = self.clock.next_us()
            assert next_us is not None
            self.clock.advance(next_us)
        return (self.clock.now_us() - START_US) / SECOND_US, self.told[-1].ending, self.told[-1].exit_codes

    def saved_s(self) -> float:
        return self.labour.saved_us(JOB.id) / SECOND_US


def test_undisturbed_work_takes_its_time() -> None:
    bench = Bench(Work(duration_s=100))
    bench.start()
    assert bench.ended() == (101, Ending.EXITED, (0,))
    assert [one.phase for one in bench.told] == [Phase.STARTING, Phase.RUNNING, Phase.ENDED]


def test_work_that_fails_by_itself_says_so() -> None:
    bench = Bench(Work(duration_s=100, exit_code=3))
    bench.start()
    assert bench.ended() == (101, Ending.EXITED, (3,))


def test_what_was_saved_at_intervals_is_found_by_the_next_attempt() -> None:
    bench = Bench(Work(duration_s=100, saves_every_s=20, restart_s=7))
    first = bench.start()
    bench.at(56)
    bench.stop(first, 0.0)
    assert bench.ended() == (56, Ending.EXITED, (-9,))
    assert bench.saved_s() == 40
    bench.start(2)
    assert bench.ended() == (56 + 1 + 7 + 60, Ending.EXITED, (0,))


def test_saves_count_from_when_the_attempt_began_to_work() -> None:
    bench = Bench(Work(duration_s=100, saves_every_s=20, restart_s=7))
    first = bench.start()
    bench.at(26)
    bench.stop(first, 0.0)
    second = bench.start(2)
    bench.at(26 + 1 + 7 + 39)
    bench.stop(second, 0.0)
    assert bench.saved_s() == 20 + 20


def test_a_notice_lets_it_save_all_it_has_done() -> None:
    bench = Bench(Work(duration_s=100, save_s=4))
    first = bench.start()
    bench.at(51)
    bench.stop(first, 10.0)
    assert bench.ended() == (55, Ending.EXITED, (0,))
    assert bench.saved_s() == 50


def test_a_notice_too_short_to_save_in_saves_nothing() -> None:
    bench = Bench(Work(duration_s=100, save_s=4))
    first = bench.start()
    bench.at(51)
    bench.stop(first, 3.0)
    assert bench.ended() == (54, Ending.EXITED, (-9,))
    assert bench.saved_s() == 0


def test_what_does_not_save_ends_at_the_notice_or_runs_on_until_the_kill() -> None:
    heeds, ignores = Bench(Work(duration_s=100)), Bench(Work(duration_s=100, ignores_notice=True))
    for bench in (heeds, ignores):
        execution = bench.start()
        bench.at(51)
        bench.stop(execution, 10.0)
    assert heeds.ended() == (51, Ending.EXITED, (-15,))
    assert ignores.ended() == (61, Ending.EXITED, (-9,))


def test_what_is_done_within_the_notice_has_succeeded() -> None:
    bench = Bench(Work(duration_s=55, ignores_notice=True))
    execution = bench.start()
    bench.at(51)
    bench.stop(execution, 10.0)
    assert bench.ended() == (56, Ending.EXITED, (0,))


def test_a_repeated_order_never_prolongs_the_notice_and_may_shorten_it() -> None:
    bench = Bench(Work(duration_s=100, ignores_notice=True))
    execution = bench.start()
    bench.at(51)
    bench.stop(execution, 10.0)
    bench.at(55)
    bench.stop(execution, 10.0)
    bench.stop(execution, 2.0)
    assert bench.ended() == (57, Ending.EXITED, (-9,))


def test_what_does_not_run_yet_ends_at_once() -> None:
    bench = Bench(Work(duration_s=100))
    bench.stop(bench.start(), 30.0)
    assert bench.ended() == (0, Ending.NOT_STARTED, ())
    assert bench.clock.next_us() is None


def test_a_crash_comes_once_and_what_was_saved_before_is_kept() -> None:
    bench = Bench(Work(duration_s=100, crashes_at_s=(50,), saves_every_s=20))
    bench.start()
    assert bench.ended() == (51, Ending.EXITED, (1,))
    assert bench.saved_s() == 40
    bench.start(2)
    assert bench.ended() == (51 + 1 + 60, Ending.EXITED, (0,))


def test_a_gang_that_lost_a_part_hangs_until_it_is_killed() -> None:
    bench = Bench(Work(duration_s=100, saves_every_s=20))
    execution = bench.start()
    bench.at(51)
    execution.lose(NodeId("n1"), remain=1)
    bench.at(500)
    assert bench.told[-1].phase is Phase.RUNNING
    assert bench.saved_s() == 40
    bench.stop(execution, 0.0)
    assert bench.ended() == (500, Ending.EXITED, (-9,))
    assert bench.saved_s() == 40, "it worked no more"


def test_nothing_is_left_of_what_lost_all_its_nodes() -> None:
    bench = Bench(Work(duration_s=100))
    execution = bench.start()
    bench.at(51)
    execution.lose(NodeId("n1"), remain=0)
    assert bench.ended() == (51, Ending.LOST, ())
    assert not bench.labour.is_busy


# ------------------------------------------------------------------- what must never be


def test_two_attempts_of_a_job_at_once_are_found_out() -> None:
    bench = Bench(Work(duration_s=100))
    bench.start()
    with pytest.raises(InvariantViolated, match="j1-2 was started while j1-1 of the same job is alive"):
        bench.start(2)


def test_an_attempt_started_twice_is_found_out() -> None:
    bench = Bench(Work(duration_s=0))
    bench.start()
    bench.ended()
    with pytest.raises(InvariantViolated, match="j1-1 was started twice"):
        bench.start()


def test_two_on_one_accelerator_are_found_out() -> None:
    bench = Bench(Work(duration_s=100))
    bench.start()
    other = a_job(2)
    bench.labour.know(other.id, Work(duration_s=1))
    with pytest.raises(InvariantViolated, match="shares accelerator 0 of n1"):
        bench.start(attempt=an_attempt(other))


def test_work_of_which_nobody_spoke_is_found_out() -> None:
    labour = Labour()
    with pytest.raises(InvariantViolated, match="gave no key"):
        labour.meet(JOB)
    labour.expect("key", Work(duration_s=7))
    labour.meet(replace(JOB, key="key"))
    assert labour.work(JobId("j1")).duration_s == 7


# ------------------------------------------------------------------- time


def test_what_falls_on_one_moment_happens_in_the_order_it_was_asked_for() -> None:
    clock = VirtualClock(0)
    seen: list[str] = []
    clock.at(5, lambda: seen.append("b"))
    clock.at(3, lambda: seen.append("a"))

    def ask_for_more() -> None:
        seen.append("c")
        clock.at(5, lambda: seen.append("d"))

    clock.at(5, ask_for_more)
    called_off = clock.at(4, lambda: seen.append("never"))
    called_off.cancel()
    assert clock.next_us() == 3
    clock.advance(4)
    assert (clock.now_us(), seen) == (4, ["a"])
    assert clock.next_us() == 5
    clock.advance(10)
    assert seen == ["a", "b", "c", "d"]
    assert clock.now_us() == 10
    assert clock.next_us() is None
