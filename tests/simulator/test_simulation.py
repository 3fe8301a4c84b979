"""Playing a scenario: what is refused, what comes too late, when it is over, and that a list is read as time comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tauon.model.errors import InvalidRequest
from tauon.model.ids import NodeId
from tauon.model.job import JobState
from tauon.model.plan import WaitCode
from tauon.simulator.agenda import Agenda
from tauon.simulator.result import Result
from tauon.simulator.scenario import Cancel, Drain, Faults, Happening, Scenario, Undrain, Work
from tauon.simulator.simulation import simulate
from tests.builders import SECOND_US, START_US, a_node
from tests.simulator.stories import a_world, at, submit


def played(world: Scenario) -> Result:
    return asyncio.run(simulate(world))


def test_what_could_never_run_is_refused_and_the_rest_goes_on() -> None:
    work = Work(duration_s=10)
    result = played(
        a_world(submit(0, "H100:9", work), submit(1, "H100:1", work), submit(2, "H100:1", work, after=(0,)))
    )
    assert result.jobs == [None, "j1", None]
    assert [refused.submit for refused in result.refused] == [0, 2]
    assert "fits nowhere" in result.refused[0].reason
    assert [times.state for times in result.times()] == [JobState.SUCCEEDED]


def test_the_times_of_a_job() -> None:
    saves = {"interval": "1m"}
    result = played(
        a_world(
            submit(0, "H100:8", Work(duration_s=100, saves_every_s=60, save_s=0, restart_s=5), checkpoint=saves),
            submit(50, "H100:8", Work(duration_s=10), priority=1),
        )
    )
    low, high = result.times()
    assert (low.submitted_us, low.started_us, low.attempts, low.preemptions) == (at(0), at(0), 2, 1)
    assert (high.submitted_us, high.started_us, high.ended_us, high.ran_us) == (at(50), at(50), at(61), 10 * SECOND_US)
    # 49 s of work until it was stopped; then 5 s to begin again and the 51 s that were left.
    assert (low.ended_us, low.ran_us) == (at(61 + 1 + 56), (49 + 56) * SECOND_US)
    assert result.ended_at_us >= at(118)


def test_it_ends_with_what_waits_for_ever_explained() -> None:
    result = played(
        a_world(
            Drain(at_us=at(0), node=NodeId("n1")),
            submit(1, "H100:1", Work(duration_s=10)),
        )
    )
    (times,) = result.times()
    assert (times.state, times.started_us, times.ended_us) == (JobState.QUEUED, None, None)
    assert [why.code for why in result.plan.waiting.values()] == [WaitCode.NO_NODE]


def test_it_ends_though_nodes_come_and_go_for_ever() -> None:
    faults = Faults(node_lasts_s=50.0, node_repair_s=5.0)
    job = submit(0, "H100:1", Work(duration_s=200, saves_every_s=10), retries={"lost": 100, "backoff": 0})
    result = played(a_world(job, faults=faults))
    assert [times.state for times in result.times()] == [JobState.SUCCEEDED]


def test_it_ends_when_it_is_told_to() -> None:
    world = a_world(submit(0, "H100:1", Work(duration_s=10**6)), until_us=at(1000))
    result = played(world)
    (times,) = result.times()
    assert times.state is JobState.RUNNING
    assert result.ended_at_us <= at(1000)


def test_what_comes_too_late_is_passed_over() -> None:
    result = played(
        a_world(
            submit(0, "H100:1", Work(duration_s=1)),
            Cancel(at_us=at(100), submit=0),
            Drain(at_us=at(100), node=NodeId("n9")),
            Undrain(at_us=at(100), node=NodeId("n9")),
        )
    )
    assert [times.state for times in result.times()] == [JobState.SUCCEEDED]


def test_full_looks_can_be_left_out() -> None:
    world = a_world(submit(0, "H100:1", Work(duration_s=3600)))
    assert played(replace(world, resync_s=None)).cycles < 10
    assert played(world).cycles > 100


def test_a_list_is_read_only_as_far_as_time_has_come() -> None:
    read: list[int] = []

    def happenings() -> Iterator[Happening]:
        for number in range(100):
            read.append(number)
            yield submit(number, "H100:1", Work(duration_s=1))

    agenda = Agenda(happenings())
    assert read == [0]
    taken = [agenda.take(at(3)) for _ in range(5)]
    assert [entry.submit for entry in taken if entry] == [0, 1, 2, 3]
    assert taken[4] is None
    assert read == [0, 1, 2, 3, 4]
    first = taken[0]
    assert first is not None
    agenda.again(first, at(4))
    again = [agenda.take(at(4)) for _ in range(3)]
    assert [entry.submit for entry in again if entry] == [0, 4]


def test_a_list_that_goes_back_in_time_is_refused() -> None:
    happenings = [submit(1, "H100:1", Work(duration_s=1)), submit(0, "H100:1", Work(duration_s=1))]
    with pytest.raises(InvalidRequest, match="happening 2 is earlier than the one before it"):
        played(a_world(*happenings))


def test_an_empty_world_is_over_at_once() -> None:
    result = played(Scenario(pools=a_world().pools, nodes=(a_node(),)))
    assert result.times() == []
    assert result.ended_at_us == START_US
