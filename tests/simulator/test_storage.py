"""A store that fails now and then, before or after it has written: nothing is lost, and nothing is started twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tauon.model.changes import Changes
from tauon.model.errors import StorageUnavailable
from tauon.model.event import Event
from tauon.reconciler.memory_store import MemoryStore
from tauon.simulator.chance import Chance
from tauon.simulator.simulation import simulate
from tests.simulator.crowds import by_number, crowded_world
from tests.simulator.referee import Referee
from tests.simulator.test_safety import nothing_is_lost, replay_equals_state, the_bill_equals_the_work


class FlakyStore(MemoryStore):
    """Fails one write in ten; half of those have been written all the same."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = Chance(seed)
        self._writes = 0

    def write(self, events: Sequence[Event], changes: Changes) -> None:
        self._writes += 1
        if self._writes > 5 and self._chance.happens(0.05, "before", self._writes):
            raise StorageUnavailable("the disk is full")
        super().write(events, changes)
        if self._writes > 5 and self._chance.happens(0.05, "after", self._writes):
            raise StorageUnavailable("the connection was lost")


@settings(by_number, max_examples=20)
@given(st.integers(0, 10**6))
def test_a_store_that_fails_now_and_then(number: int) -> None:
    result = asyncio.run(simulate(crowded_world(number), store=FlakyStore(number)))
    referee = Referee().read(result.events())
    nothing_is_lost(result, referee)
    replay_equals_state(result)
    the_bill_equals_the_work(result, referee)
    taken = {job for job in result.jobs if job is not None}
    assert taken == set(referee.jobs), "what was acknowledged is what there is"
