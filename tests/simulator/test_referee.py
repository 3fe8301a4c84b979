"""The referee itself: doctored journals must not get past it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tauon.model.event import AttemptEnded, AttemptPlaced, Event, Fact, JobSubmitted, JobSucceeded
from tauon.simulator.scenario import Work
from tauon.simulator.simulation import simulate
from tests.simulator.referee import Referee
from tests.simulator.stories import a_world, submit


def journal() -> list[Event]:
    work = Work(duration_s=10)
    world = a_world(*(submit(0, "H100:4", work) for _ in range(2)), submit(1, "H100:8", work))
    return asyncio.run(simulate(world)).events()


def doctored(change: Callable[[Event], Event | None]) -> list[Event]:
    """The journal with some events changed or left out, and its positions without a gap."""
    kept = [after for event in journal() if (after := change(event)) is not None]
    return [replace(event, seq=seq) for seq, event in enumerate(kept, 1)]


def with_fact(event: Event, fact: Fact) -> Event:
    return replace(event, fact=fact)


def on_the_first(event: Event) -> Event:
    """Everybody on the first accelerators."""
    fact = event.fact
    if not isinstance(fact, AttemptPlaced):
        return event
    placement = tuple(
        replace(worker, accelerators=tuple(range(len(worker.accelerators)))) for worker in fact.attempt.placement
    )
    return with_fact(event, replace(fact, attempt=replace(fact.attempt, placement=placement)))


def without_ends(event: Event) -> Event | None:
    return None if isinstance(event.fact, AttemptEnded | JobSucceeded) else event


def without_fates(event: Event) -> Event | None:
    return None if isinstance(event.fact, JobSucceeded) else event


def earlier(event: Event) -> Event:
    return replace(event, at_us=event.at_us - 10**9) if isinstance(event.fact, AttemptEnded) else event


def wider(event: Event) -> Event:
    fact = event.fact
    if not isinstance(fact, JobSubmitted):
        return event
    return with_fact(event, replace(fact, job=replace(fact.job, request=replace(fact.job.request, workers=2))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (on_the_first, "given twice"),
        (without_ends, "given twice"),
        (without_fates, "follows an end"),
        (earlier, "time goes back"),
        (wider, "not a whole gang"),
    ],
)
def test_a_doctored_journal_is_found_out(change: Callable[[Event], Event | None], said: str) -> None:
    events = doctored(change)
    with pytest.raises(AssertionError, match=said):
        Referee().read(events)


def test_a_gap_is_found_out() -> None:
    with pytest.raises(AssertionError, match="the journal has a gap"):
        Referee().read(journal()[1:])


def test_the_journal_as_it_is_passes() -> None:
    referee = Referee().read(journal())
    assert not referee.live
    assert referee.capacity_atoms > sum(referee.work_atoms.values()) > 0
