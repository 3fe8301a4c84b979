"""Nodes that appear, change, shrink, vanish and come back: what each does to the work on them."""

from __future__ import annotations

import pytest

from tauon.model.attempt import Outcome, StopCause
from tauon.model.event import AttemptEnded, AttemptStopRequested, NodeDraining, NodeReady
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName
from tauon.model.job import JobState
from tauon.model.money import Rates
from tauon.model.node import Node, NodeState
from tauon.model.resources import Resources
from tauon.ports.providers import Ending, Phase
from tauon.reconciler.site import OpenPool
from tests.builders import a_node
from tests.reconciler.engine import ScriptedEngine, Yard

pytestmark = pytest.mark.anyio
N1 = NodeId("n1")


async def test_what_a_provider_lists_is_known_once() -> None:
    yard = Yard(a_node("n1"), a_node("n2"))
    await yard.cycle()
    assert sorted(yard.cluster.nodes) == ["n1", "n2"]
    before = yard.cluster.seq
    yard.wait(60)
    await yard.cycle()
    assert yard.cluster.seq == before


async def test_a_new_price_is_taken_over_while_work_goes_on() -> None:
    yard = Yard()
    job = await yard.running(gpus=8)
    yard.engine.nodes = (a_node("n1", rates=Rates(accelerator_micro_usd=1)),)
    await yard.cycle()
    assert yard.cluster.nodes[N1].shape.rates.accelerator_micro_usd == 1
    assert yard.cluster.jobs[job.id].state is JobState.RUNNING


async def test_a_drained_node_stays_so_when_its_values_change() -> None:
    yard = Yard()
    await yard.cycle()
    yard.journal.append([NodeDraining(node_id=N1, reason="drained by ada: fans")])
    yard.engine.nodes = (a_node("n1", labels={"rack": "7"}),)
    await yard.cycle()
    node = yard.cluster.nodes[N1]
    assert (node.state, node.message, node.labels) == (NodeState.DRAINING, "drained by ada: fans", {"rack": "7"})
    yard.wait(60)
    await yard.cycle()
    assert yard.cluster.nodes[N1].state is NodeState.DRAINING


async def test_a_node_that_shrinks_below_what_runs_on_it_is_emptied_first() -> None:
    yard = Yard()
    job = await yard.running(gpus=8)
    before = yard.cluster.seq
    smaller = a_node("n1", gpus=7)
    yard.engine.nodes = (smaller,)
    for _ in range(3):
        await yard.cycle()
    assert yard.told(before) == ["NodeDraining", "AttemptStopRequested"]
    assert [stop.notice_s for stop in yard.engine.stops] == [0.0]
    yard.engine.tell("j1-1", Phase.ENDED, Ending.EXITED, -9)
    await yard.cycle()
    node = yard.cluster.nodes[N1]
    assert (node.state, node.shape.accelerator_count) == (NodeState.READY, 7)
    assert yard.cluster.jobs[job.id].state is JobState.QUEUED
    assert yard.cluster.jobs[job.id].retries_used.lost == 1


async def test_a_node_that_is_as_large_again_before_its_work_ended_goes_on() -> None:
    yard = Yard()
    await yard.running(gpus=4)
    yard.engine.nodes = (a_node("n1", gpus=2),)
    await yard.cycle()
    yard.engine.nodes = (a_node("n1"),)
    await yard.cycle()
    assert yard.cluster.nodes[N1].state is NodeState.READY


async def test_work_on_a_node_that_vanished_is_lost_and_tried_again() -> None:
    yard = Yard(a_node("n1"), a_node("n2"))
    job = await yard.running(gpus=8)
    where = yard.cluster.attempts[AttemptId("j1-1")].placement[0].node
    yard.engine.nodes = tuple(node for node in yard.engine.nodes if node.id != where)
    before = yard.cluster.seq
    await yard.cycle()
    assert yard.told(before)[:4] == ["NodeDraining", "AttemptEnded", "JobRequeued", "NodeLost"]
    assert where not in yard.cluster.nodes
    yard.wait(1)
    await yard.cycle()
    assert yard.cluster.jobs[job.id].attempts == 2


async def test_a_gang_that_lost_a_part_is_stopped_before_its_node_is_given_up() -> None:
    yard = Yard(a_node("n1"), a_node("n2"))
    await yard.running(gpus=8, workers=2)
    yard.engine.nodes = (a_node("n2"),)
    await yard.cycle()
    stops = [e.fact for e in yard.events() if isinstance(e.fact, AttemptStopRequested)]
    assert [stop.cause for stop in stops] == [StopCause.NODE_LOST]
    assert N1 in yard.cluster.nodes, "it holds a part of the gang"
    yard.engine.tell("j1-1", Phase.ENDED, Ending.EXITED, -9, -9)
    await yard.cycle()
    assert N1 not in yard.cluster.nodes
    ends = [e.fact for e in yard.events() if isinstance(e.fact, AttemptEnded)]
    assert [end.outcome for end in ends] == [Outcome.LOST]


async def test_a_gang_that_lost_all_its_nodes_is_lost_at_once() -> None:
    yard = Yard(a_node("n1"), a_node("n2"))
    await yard.running(gpus=8, workers=2)
    yard.engine.nodes = ()
    await yard.cycle()
    assert not yard.cluster.attempts
    assert not yard.cluster.nodes


async def test_what_ended_before_its_node_went_keeps_its_outcome() -> None:
    yard = Yard()
    await yard.running(gpus=8)
    yard.engine.tell("j1-1", Phase.ENDED, Ending.EXITED, 0)
    yard.engine.nodes = ()
    await yard.cycle()
    assert yard.store.count_jobs() == {JobState.SUCCEEDED: 1}


async def test_a_node_that_comes_back_takes_work_again() -> None:
    yard = Yard(a_node("n1"), a_node("n2"))
    await yard.running(gpus=8, workers=2)
    both = yard.engine.nodes
    yard.engine.nodes = both[1:]
    await yard.cycle()
    yard.engine.nodes = both
    await yard.cycle()
    assert yard.cluster.nodes[N1].state is NodeState.READY
    yard.engine.tell("j1-1", Phase.ENDED, Ending.LOST)
    await yard.cycle()
    yard.wait(5)
    await yard.cycle()
    assert yard.cluster.jobs[JobId("j1")].attempts == 2


async def test_a_node_that_two_pools_list_is_the_first_ones() -> None:
    yard = Yard()
    other = ScriptedEngine(a_node("n1", pool=PoolName("cloud")))
    yard.site.pools[PoolName("cloud")] = OpenPool(PoolName("cloud"), other, other)
    for _ in range(3):
        await yard.cycle()
        yard.wait(60)
    assert yard.told().count("NodeReady") == 1
    assert "left to lab" in yard.logged[0]


def at_engine(name: str, reason: str) -> Node:
    return a_node(name, state=NodeState.DRAINING, message=reason)


async def test_a_node_that_its_engine_drains_takes_no_new_work_until_the_engine_takes_that_back() -> None:
    yard = Yard(at_engine("n1", "fan 3 is broken"))
    waiting = yard.submit(gpus=1)
    await yard.cycle()
    assert yard.cluster.nodes[N1].state is NodeState.DRAINING
    assert "fan 3 is broken" in yard.cluster.nodes[N1].message
    before = yard.cluster.seq
    yard.wait(60)
    await yard.cycle()
    assert yard.cluster.seq == before, "it is told once"
    yard.engine.nodes = (a_node("n1"),)
    await yard.cycle()
    assert yard.cluster.nodes[N1].state is NodeState.READY
    assert yard.cluster.jobs[waiting.id].state is JobState.STARTING


async def test_work_goes_on_on_a_node_that_its_engine_drains() -> None:
    yard = Yard()
    job = await yard.running(gpus=8)
    yard.engine.nodes = (at_engine("n1", "maintenance"),)
    await yard.cycle()
    assert yard.cluster.nodes[N1].state is NodeState.DRAINING
    assert yard.cluster.jobs[job.id].state is JobState.RUNNING


async def test_a_user_cannot_undrain_what_the_engine_drains() -> None:
    yard = Yard(at_engine("n1", "maintenance"))
    await yard.cycle()
    yard.journal.append([NodeReady(node=yard.cluster.nodes[N1])])
    yard.engine.nodes = (at_engine("n1", "maintenance"),)
    await yard.cycle()
    assert yard.cluster.nodes[N1].state is NodeState.DRAINING


async def test_what_others_hold_of_a_node_is_not_given_to_our_jobs() -> None:
    yard = Yard(a_node("n1", others=Resources(accelerator_milli=6000, cpu_milli=32_000)))
    large, small = yard.submit(gpus=4), yard.submit(gpus=2)
    await yard.cycle()
    assert yard.cluster.jobs[large.id].state is JobState.QUEUED
    assert yard.cluster.jobs[small.id].state is JobState.STARTING
    yard.engine.nodes = (a_node("n1", others=Resources(accelerator_milli=2000)),)
    await yard.cycle()
    assert yard.told().count("NodeShared") == 1
    assert yard.cluster.jobs[large.id].state is JobState.STARTING


async def test_a_job_that_its_engine_preempted_waits_again_and_keeps_its_retries() -> None:
    yard = Yard()
    job = await yard.running(gpus=8)
    yard.engine.tell("j1-1", Phase.ENDED, Ending.PREEMPTED, message="gave way to another")
    yard.engine.nodes = ()
    await yard.cycle()
    again = yard.cluster.jobs[job.id]
    assert (again.state, again.retries_used.total, again.preemptions) == (JobState.QUEUED, 0, 1)
    ends = [e.fact for e in yard.events() if isinstance(e.fact, AttemptEnded)]
    assert [(end.outcome, end.message) for end in ends] == [(Outcome.PREEMPTED, "gave way to another")]
