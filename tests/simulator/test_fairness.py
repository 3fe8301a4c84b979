"""In a world where nothing goes wrong, who waits and who is stopped is the planner's doing: it must be right."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tauon.model.attempt import StopCause
from tauon.model.event import AttemptPlaced, AttemptStopRequested, JobSubmitted
from tauon.simulator.simulation import simulate
from tests.simulator.crowds import by_number, calm_world
from tests.simulator.referee import Referee

numbers = st.integers(0, 10**6)


@by_number
@given(numbers)
def test_nobody_waits_who_could_start_or_replace_lower_work(number: int) -> None:
    events = asyncio.run(simulate(calm_world(number))).events()
    referee = Referee()
    for event, after in zip(events, [*events[1:], None], strict=True):
        referee.see(event)
        # Between two moments, while nothing is being stopped, nothing is on its way to anybody.
        if (after is None or after.at_us > event.at_us) and not referee.stopping:
            nobody_waits_in_vain(referee)


def nobody_waits_in_vain(referee: Referee) -> None:
    for book in referee.waiting():
        lower = [a for a, it in referee.live.items() if referee.jobs[it.job].job.priority < book.job.priority]
        assert not referee.could_hold(book.job, referee.rooms), f"{book.job.id} waits though it would fit"
        assert not referee.could_hold(book.job, referee.rooms_without(lower)), f"{book.job.id} could replace {lower}"


@by_number
@given(numbers)
def test_nobody_is_stopped_again_for_nothing(number: int) -> None:
    """No ping-pong: nobody makes another give way twice unless somebody at least as urgent got a place in between."""
    events = asyncio.run(simulate(calm_world(number))).events()
    priority: dict[str, int] = {}
    placed: Counter[int] = Counter()
    at_last: dict[tuple[str, str], int] = {}
    for event in events:
        fact = event.fact
        if isinstance(fact, JobSubmitted):
            priority[fact.job.id] = fact.job.priority
        elif isinstance(fact, AttemptPlaced):
            placed[priority[fact.attempt.job]] += 1
        elif isinstance(fact, AttemptStopRequested) and fact.cause is StopCause.PREEMPTED:
            winner, victim = fact.reason.split()[2], fact.attempt_id.rpartition("-")[0]
            as_urgent = sum(count for p, count in placed.items() if p >= priority[winner])
            assert at_last.get((winner, victim), -1) < as_urgent, f"{winner} stops {victim} again for nothing"
            assert (victim, winner) not in at_last, f"{winner} and {victim} stop each other in turn"
            at_last[winner, victim] = as_urgent
