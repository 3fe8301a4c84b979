"""Budgets: what is spent is exact, starts nothing more, and is never overrun by more than what ran already."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.model.attempt import Attempt
from tauon.model.budget import Budget, Period, Spent
from tauon.model.event import AttemptEnded, JobSucceeded, NodeReady, QueueConfigured
from tauon.model.ids import QueueName
from tauon.model.money import HOUR_US, Money
from tauon.model.plan import StartAttempt, StopAttempt, WaitCode
from tauon.model.queue import Queue
from tauon.planner.spent import budgets, spent_out
from tests.builders import START_US, a_node, a_queue, a_request, an_end
from tests.planner.board import Board

MINUTE_US = 60_000_000


def a_budget(usd: float | None = None, **fields: object) -> Budget:
    amount = {"micro_usd": round(usd * 1e6)} if usd is not None else {}
    return Budget(**({"period": Period.DAY, "hard": True} | amount | fields))  # type: ignore[arg-type]


def a_board(*budgeted: Budget, name: str = "team", **fields: object) -> Board:
    return Board(a_node(), queues=(a_queue(), a_queue(name, budgets=budgeted, **fields)))


def later(board: Board, hours: float) -> None:
    board.now_us += round(hours * HOUR_US)


def spent_usd(board: Board) -> list[float]:
    return [float(Money(spent.atoms).usd) for _, _, spent, _ in budgets(board.cluster, board.now_us)]


def end(board: Board, number: int) -> None:
    attempt = next(a for a in board.cluster.attempts.values() if a.job == f"j{number}")
    board.put(an_end(attempt), JobSucceeded(job_id=attempt.job))


@pytest.mark.parametrize(
    ("period", "begin", "end"),
    [
        (Period.HOUR, (2026, 8, 13, 15), (2026, 8, 13, 16)),
        (Period.DAY, (2026, 8, 13), (2026, 8, 14)),
        (Period.WEEK, (2026, 8, 10), (2026, 8, 17)),
        (Period.MONTH, (2026, 8, 1), (2026, 9, 1)),
        (Period.QUARTER, (2026, 7, 1), (2026, 10, 1)),
        (Period.YEAR, (2026, 1, 1), (2027, 1, 1)),
    ],
)
def test_periods_follow_the_calendar(period: Period, begin: tuple[int, ...], end: tuple[int, ...]) -> None:
    at = round(datetime(2026, 8, 13, 15, 42, 7, tzinfo=UTC).timestamp()) * 1_000_000

    def us(parts: tuple[int, ...]) -> int:
        return round(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type,misc]

    assert (period.begin_us(at), period.end_us(at)) == (us(begin), us(end))


@given(st.sampled_from(Period), st.integers(0, 4 * 10**15))
def test_a_period_ends_where_the_next_begins(period: Period, at_us: int) -> None:
    begin, end = period.begin_us(at_us), period.end_us(at_us)
    assert begin <= at_us < end
    assert period.begin_us(end) == end
    assert period.begin_us(end - 1) == begin


def test_what_is_spent_is_that_of_the_queue_and_all_below_it() -> None:
    board = a_board(a_budget(1000))
    board.submit(queue=QueueName("team/a"), request=a_request(gpus=2, cpu=0, memory_mib=0))
    board.submit(queue=QueueName("team"), request=a_request(gpus=1, cpu=0, memory_mib=0))
    board.submit(queue=QueueName("default"), request=a_request(gpus=5, cpu=0, memory_mib=0))
    board.carry_out(board.decide())
    later(board, 2)
    assert spent_usd(board) == [12.0]
    end(board, 1)
    later(board, 1)
    assert spent_usd(board) == [14.0]


def test_a_price_that_changes_counts_from_then_on() -> None:
    board = a_board(a_budget(1000))
    board.submit(queue=QueueName("team"), request=a_request(gpus=1, cpu=0, memory_mib=0))
    board.carry_out(board.decide())
    later(board, 1)
    rates = board.cluster.nodes[a_node().id].shape.rates
    board.put(NodeReady(node=a_node(rates=type(rates)(accelerator_micro_usd=5_000_000))))
    later(board, 1)
    assert spent_usd(board) == [7.0]


def test_a_new_period_begins_with_nothing() -> None:
    board = a_board(a_budget(1000))
    board.submit(queue=QueueName("team"), request=a_request(gpus=1, cpu=0, memory_mib=0))
    board.carry_out(board.decide())
    later(board, 25)
    assert spent_usd(board) == [2.0]


def test_nothing_starts_on_a_budget_that_is_spent_until_it_begins_anew() -> None:
    board = a_board(a_budget(4))
    board.submit(queue=QueueName("team"), request=a_request(gpus=2, cpu=0, memory_mib=0))
    board.carry_out(board.decide())
    later(board, 1)
    late = board.submit(queue=QueueName("team/a"), priority=10)
    plan = board.decide()
    assert plan.actions == ()
    reason = next(why for key, why in plan.waiting.items() if key.queue == "team/a")
    assert reason.code is WaitCode.BUDGET
    assert reason.message.startswith("queue team has spent its budget: $4.00 of $4.00 this day")
    assert plan.next_look_us == START_US + 24 * HOUR_US
    board.now_us = START_US + 24 * HOUR_US
    started = [action for action in board.decide().actions if isinstance(action, StartAttempt)]
    assert [action.attempt.job for action in started] == [late.id]


def test_other_queues_go_on() -> None:
    board = a_board(a_budget(0.0))
    board.submit(queue=QueueName("team"))
    other = board.submit(queue=QueueName("default"))
    started = [action.attempt.job for action in board.decide().actions if isinstance(action, StartAttempt)]
    assert started == [other.id]


def test_a_soft_budget_stops_nothing() -> None:
    board = a_board(a_budget(0.0, hard=False))
    board.submit(queue=QueueName("team"))
    assert len(board.decide().actions) == 1


def test_what_runs_is_stopped_where_that_is_wanted_and_in_time() -> None:
    board = a_board(a_budget(4, stop=True))
    board.submit(queue=QueueName("team"), request=a_request(gpus=2, cpu=0, memory_mib=0))
    board.carry_out(board.decide())
    assert board.decide().next_look_us == START_US + HOUR_US
    later(board, 1)
    (action,) = board.decide().actions
    assert isinstance(action, StopAttempt)
    assert "has spent its budget" in action.reason


def test_accelerator_hours_can_be_a_budget_too() -> None:
    board = a_board(a_budget(accelerator_milli_h=3000))
    board.submit(queue=QueueName("team"), request=a_request(gpus=2))
    board.carry_out(board.decide())
    later(board, 1)
    assert spent_out(board.cluster, board.now_us) == {}
    later(board, 0.5)
    assert spent_out(board.cluster, board.now_us) == {
        "team": "queue team has spent its budget: 3.0 of 3.0 accelerator-hours this day"
    }


def test_settings_that_change_keep_what_is_spent() -> None:
    board = a_board(a_budget(10))
    board.submit(queue=QueueName("team"), request=a_request(gpus=1, cpu=0, memory_mib=0))
    board.carry_out(board.decide())
    later(board, 2)
    board.put(QueueConfigured(queue=a_queue("team", budgets=(a_budget(100), a_budget(50, period=Period.WEEK)))))
    later(board, 1)
    assert spent_usd(board) == [6.0, 2.0]
    board.put(QueueConfigured(queue=a_queue("team")))
    assert list(budgets(board.cluster, board.now_us)) == []


def test_a_budget_given_to_a_queue_that_is_at_work_counts_from_then_on() -> None:
    board = Board(a_node(), queues=(a_queue(), a_queue("team")))
    board.submit(queue=QueueName("team/a"), request=a_request(gpus=3, cpu=0, memory_mib=0))
    board.carry_out(board.decide())
    later(board, 5)
    board.put(QueueConfigured(queue=a_queue("team", budgets=(a_budget(100),))))
    later(board, 1)
    assert spent_usd(board) == [6.0]


def test_how_long_it_lasts() -> None:
    budget = a_budget(10)
    spent = Spent(period=Period.DAY, at_us=0, atoms=Money.of_micro_usd(4_000_000).atoms)
    assert budget.left_us(spent, Money.of_micro_usd(3_000_000).atoms, 0) == 2 * HOUR_US
    assert budget.left_us(spent, 0, 0) is None
    assert budget.share(spent) == pytest.approx(0.4)


@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.integers(1, 300), st.sampled_from(("team", "team/a", "default"))), max_size=25
    ),
    st.integers(0, 60),
    st.integers(1, 45),
)
def test_a_hard_budget_is_never_overrun_by_more_than_what_ran_when_it_was_spent(
    jobs: list[tuple[int, int, str]], usd: int, step_min: int
) -> None:
    """Jobs of any size and length come and go; once the budget is spent, nothing more of that queue starts, and the
    overrun is what those that ran then cost until they end."""
    board = a_board(a_budget(usd, period=Period.YEAR))
    board.now_us = START_US
    most = Money.of_micro_usd(usd * 1_000_000).atoms
    due: dict[str, int] = {}
    allowed_overrun = 0
    pending = list(jobs)
    for _ in range(60):
        if pending:
            gpus, minutes, queue = pending.pop()
            job = board.submit(queue=QueueName(queue), request=a_request(gpus=gpus, cpu=0, memory_mib=0))
            due[job.id] = minutes
        spent_before = _spent(board)
        for attempt in _started(board):
            is_ours = board.cluster.jobs[attempt.job].queue != "default"
            assert not (is_ours and spent_before >= most)
            due[attempt.id] = board.now_us + due[attempt.job] * MINUTE_US
        if spent_before < most:  # what runs now may overrun it, until it ends
            allowed_overrun = sum(
                attempt.accelerator_milli * 2_000_000 * 128 * (due[attempt.id] - board.now_us + step_min * MINUTE_US)
                for attempt in board.cluster.attempts.values()
                if board.cluster.jobs[attempt.job].queue != "default"
            )
        board.now_us += step_min * MINUTE_US
        for attempt in list(board.cluster.attempts.values()):
            if due[attempt.id] <= board.now_us:
                board.put(AttemptEnded(attempt_id=attempt.id, outcome=an_end(attempt).outcome, exit_codes=(0,)))
                board.put(JobSucceeded(job_id=attempt.job))
        assert _spent(board) <= most + allowed_overrun


def _spent(board: Board) -> int:
    return next(spent.atoms for _, _, spent, _ in budgets(board.cluster, board.now_us))


def _started(board: Board) -> list[Attempt]:
    before = set(board.cluster.attempts)
    board.carry_out(board.decide())
    return [attempt for name, attempt in board.cluster.attempts.items() if name not in before]


def test_a_queue_without_budgets_costs_the_fold_nothing() -> None:
    board = Board(a_node(), queues=(a_queue(), a_queue("team")))
    board.submit(queue=QueueName("team"))
    board.carry_out(board.decide())
    assert board.cluster.holdings.purse.rates == {}
    queue: Queue = board.cluster.queues[QueueName("team")]
    assert queue.spent == ()
