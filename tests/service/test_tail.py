"""The last lines of the journal, and of one subject."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tauon.model.changes import Changes
from tauon.model.event import JobSubmitted, subject_of
from tauon.reconciler.memory_store import MemoryStore
from tauon.service.tail import position
from tests.builders import a_job, events_of


@given(st.lists(st.integers(1, 3), max_size=12), st.integers(1, 5), st.sampled_from(["", "j1", "j9"]))
def test_so_many_from_the_end(numbers: list[int], count: int, subject: str) -> None:
    store = MemoryStore()
    events = events_of(JobSubmitted(job=a_job(number)) for number in numbers)
    store.write(events, Changes())
    meant = [event for event in events if not subject or subject_of(event.fact) == subject][-count:]
    start = position(store, len(events), -count, subject)
    assert store.events(after=start, subject=subject) == meant


def test_a_position_is_taken_as_it_is() -> None:
    assert position(MemoryStore(), 9, 4, "j1") == 4
    assert position(MemoryStore(), 0, 0, "") == 0
