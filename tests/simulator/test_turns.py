"""Queues in every order, strict or not, taking turns or not, in worlds by a number: safe, at rest, and nobody starves."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tauon.model.attempt import StopCause
from tauon.model.event import AttemptStopRequested
from tauon.model.job_spec import CheckpointSpec, JobSpec
from tauon.model.queue import DEFAULT_QUEUE, Queue, QueueOrder
from tauon.simulator.policies import Knowledge
from tauon.simulator.result import Result
from tauon.simulator.scenario import Scenario, Submit, Work
from tauon.simulator.simulation import Simulation
from tests.builders import SECOND_US, START_US, a_node
from tests.simulator.crowds import by_number, crowded_world
from tests.simulator.test_safety import all_is_well
from tests.simulator.worlds import NO_FAULTS, a_pool

numbers = st.integers(0, 10**6)
few = settings(by_number, max_examples=6)
HOURS = 3


def in_any_order(queue: Queue, rng: random.Random) -> Queue:
    return replace(
        queue,
        order=rng.choice(list(QueueOrder)),
        strict=rng.random() < 0.2,
        take_turns=rng.random() < 0.7,
        patience_s=rng.choice([None, 600.0, 24 * 3600.0]),
        min_run_s=rng.choice([0.0, 30.0, 600.0]),
    )


@by_number
@given(numbers)
def test_a_crowded_world_with_queues_in_any_order(number: int) -> None:
    rng = random.Random(number)
    world = crowded_world(number)
    all_is_well(replace(world, queues=tuple(in_any_order(queue, rng) for queue in world.queues)))


def a_stream_of_short_work(number: int, queue: Queue) -> Scenario:
    """More short work than there is room for, for hours, and in its midst one job that is long and wide."""
    rng = random.Random(number)
    submits = []
    at_s = 0.0
    while at_s < HOURS * 3600:
        submits.append(_submit(at_s, gpus=1, lasts_s=rng.choice([60.0, 300.0, 900.0])))
        at_s += rng.expovariate(1 / 90)
    submits.append(_submit(600.0, gpus=4, lasts_s=2000.0))
    submits.sort(key=lambda submit: submit.at_us)
    return Scenario(
        seed=number,
        pools=(a_pool("lab"),),
        queues=(queue,),
        nodes=(a_node("n1", gpus=4),),
        happenings=tuple(submits),
        faults=NO_FAULTS,
        start_s=1.0,
        resync_s=None,
        until_us=START_US + HOURS * 3600 * SECOND_US,
    )


def _submit(at_s: float, *, gpus: int, lasts_s: float) -> Submit:
    spec = JobSpec.model_validate(
        {"run": "work", "resources": {"accelerators": f"H100:{gpus}", "cpu": "10m", "memory": "0"}}
    ).model_copy(update={"checkpoint": CheckpointSpec(interval=0)})
    return Submit(
        at_us=START_US + round(at_s * 1e6), spec=spec, work=Work(duration_s=lasts_s, save_s=1.0, restart_s=5.0)
    )


def _played(world: Scenario) -> Result:
    simulation = Simulation(world)
    simulation.site.outlook = Knowledge(simulation.labour)
    asyncio.run(simulation.run())
    return simulation.result()


@few
@given(numbers)
def test_under_a_load_that_never_ends_whoever_waited_too_long_gets_through(number: int) -> None:
    rng = random.Random(number)
    order = rng.choice([QueueOrder.SHORTEST, QueueOrder.SMALLEST, QueueOrder.LEAST_SERVED, QueueOrder.TURNAROUND])
    queue = Queue(name=DEFAULT_QUEUE, order=order, take_turns=True, patience_s=3600.0, min_run_s=0.0)
    result = _played(a_stream_of_short_work(number, queue))
    assert not [job for job in result.cluster.jobs.values() if "H100:4" in str(job.request)], "the wide job waits still"


@few
@given(numbers)
def test_no_two_take_turns_with_each_other_for_nothing(number: int) -> None:
    rng = random.Random(number)
    order = rng.choice([QueueOrder.SHORTEST, QueueOrder.SMALLEST, QueueOrder.TURNAROUND])
    queue = Queue(name=DEFAULT_QUEUE, order=order, take_turns=True, patience_s=None, min_run_s=0.0)
    result = _played(a_stream_of_short_work(number, queue))
    pairs: set[tuple[str, str]] = set()
    for event in result.events():
        match event.fact:
            case AttemptStopRequested(cause=StopCause.PREEMPTED, reason=why, attempt_id=attempt):
                winner, victim = why.split()[2], attempt.rpartition("-")[0]
                assert (victim, winner) not in pairs, f"{winner} and {victim} stop each other in turn"
                pairs.add((winner, victim))
            case _:
                pass
