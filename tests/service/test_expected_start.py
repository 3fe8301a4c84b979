"""Whoever asks why a job waits hears when it is expected to start, in a world that stands still meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tauon.model.job_spec import JobSpec
from tauon.model.plan import WaitCode
from tauon.reconciler.memory_store import MemoryStore
from tauon.service.views import Explanation
from tauon.simulator.scenario import Scenario, Submit, Work
from tauon.simulator.simulation import Simulation
from tests.builders import SECOND_US, START_US, a_node, a_queue
from tests.simulator.worlds import NO_FAULTS, a_pool


def answers(*documents: Mapping[str, object], asked: str) -> Explanation:
    """What is answered about a job when all have been there for 100 s."""
    submits = [
        Submit(at_us=START_US + i, spec=JobSpec.model_validate({"run": "work", **d}), work=Work(duration_s=1e6))
        for i, d in enumerate(documents)
    ]
    scenario = Scenario(
        seed=1,
        pools=(a_pool("lab"),),
        queues=(a_queue(),),
        nodes=(a_node("n1", gpus=8),),
        happenings=tuple(submits),
        faults=NO_FAULTS,
        start_s=0.0,
        until_us=START_US + 100 * SECOND_US,
    )

    async def play() -> Explanation:
        simulation = Simulation(scenario, MemoryStore())
        await simulation.run()
        simulation.clock.advance(START_US + 100 * SECOND_US)
        return await simulation.control_plane("ada").explain(asked)

    return asyncio.run(play())


WHOLE = {"resources": {"accelerators": "H100:8"}}


def test_a_time_limit_says_when() -> None:
    found = answers({**WHOLE, "timeout": "1h"}, WHOLE, asked="j2")
    assert found.code is WaitCode.CAPACITY
    assert found.starts_in_s == pytest.approx(3_500, abs=2)
    assert found.starts_after == ["j1"]


def test_without_any_it_is_said_that_nothing_tells() -> None:
    found = answers(WHOLE, WHOLE, asked="j2")
    assert found.starts_in_s is None
    assert "nothing tells when j1 will end" in found.start_unknown


def test_what_runs_is_not_foreseen() -> None:
    found = answers(WHOLE, WHOLE, asked="j1")
    assert (found.starts_in_s, found.start_unknown) == (None, "")
