"""What a plan passes over is only what nothing could have been done for: all of it is tried in full at the plan's end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from tauon.model.plan import StartAttempt
from tauon.model.waiting import LineKey
from tauon.planner import place
from tauon.planner.draft import Draft
from tauon.planner.fit import find
from tauon.planner.preempt import make_room
from tauon.planner.quota import BORROWING, permitted
from tauon.simulator.simulation import simulate
from tests.simulator.crowds import by_number, calm_world
from tests.simulator.test_quota import a_still_world, bounded

numbers = st.integers(0, 10**6)
tell = place._tell


def try_in_vain(draft: Draft, lines: Iterable[LineKey]) -> None:
    """Serve the first of each line with all its standings as if it had been its turn."""
    cluster, now_us = draft.snapshot.cluster, draft.snapshot.at_us
    started = {action.attempt.job for action in draft.actions if isinstance(action, StartAttempt)}
    for key in lines:
        ready = (p.job for p in cluster.waiting.lines[key] if cluster.waiting.delayed.is_due(p.job, now_us))
        first = next((job for job in ready if job not in started and job not in draft.kept), None)
        standing = draft.quotas.best_standing(key, draft.terrain) if first else None
        while first is not None and standing is not None:
            may = permitted(draft.quotas, key, draft.terrain, standing)
            assert find(key.request, may.now, draft.free) is None, f"{key} could have started"
            assert find(key.request, may.later, draft.future) is None, f"{key} could have had what is being emptied"
            assert make_room(draft, cluster.jobs[first], may, standing) is None, (
                f"others should have given way to {key}"
            )
            lower = draft.quotas.best_standing(key, draft.terrain, standing)
            standing = None if standing == BORROWING else lower
    tell(draft, lines)


@by_number
@given(numbers)
def test_who_is_passed_over_could_not_have_been_served(number: int) -> None:
    with mock.patch.object(place, "_tell", try_in_vain):
        asyncio.run(simulate(calm_world(number)))


@bounded
@given(numbers)
def test_nor_where_there_are_quotas(number: int) -> None:
    with mock.patch.object(place, "_tell", try_in_vain):
        asyncio.run(simulate(a_still_world(number)))
