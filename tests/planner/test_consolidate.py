"""Moving work together: for whom, to where, how often, and that the place is kept until it is taken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tauon.model.attempt import Outcome, StopCause
from tauon.model.event import AttemptPlaced, AttemptRunning
from tauon.model.ids import NodeId, OfferId
from tauon.model.job import CheckpointPolicy, Job
from tauon.model.node import Node
from tauon.model.plan import Plan, StopAttempt, WaitCode
from tauon.planner.fit import attempt_at, choices, on_node
from tests.builders import a_node, a_request
from tests.planner.board import Board, started

SAVES = CheckpointPolicy(interval_s=0.0)
MINUTE_S, HOUR_S = 60.0, 3600.0


def moved(plan: Plan) -> dict[str, str]:
    """What a plan moves, and to where."""
    stops = [action for action in plan.actions if isinstance(action, StopAttempt) and action.moves_to]
    assert all(stop.cause is StopCause.MOVED for stop in stops)
    return {stop.attempt: stop.moves_to for stop in stops}


def bought(name: str) -> Node:
    return a_node(name, offer=OfferId("rented"))


class Hall(Board):
    """So many placements have been made already, so that there may be a move."""

    def __init__(self, *nodes: Node, placements: int = 10) -> None:
        super().__init__(*nodes)
        for _ in range(placements):
            self.end(self.runs_on(nodes[0].id, 0))

    def runs_on(self, node: str, gpus: float, **fields: Any) -> Job:
        """A job that runs on a node, whatever a planner would think of it."""
        job = self.submit(request=a_request(gpus=gpus), **({"checkpoint": SAVES} | fields))
        terrain = self.snapshot().terrain
        fit = on_node(job.request, choices(job.request, terrain), self.cluster.capacity.fork(), NodeId(node))
        assert fit is not None
        attempt = attempt_at(job, fit, self.now_us)
        self.put(AttemptPlaced(attempt=attempt), AttemptRunning(attempt_id=attempt.id))
        return self.cluster.jobs[job.id]

    def node_of(self, job: Job) -> str:
        return self.attempt(job).placement[0].node

    def stopped(self, plan: Plan) -> None:
        """What was told to go has gone."""
        for action in plan.actions:
            if isinstance(action, StopAttempt):
                self.end(self.cluster.jobs[self.cluster.attempts[action.attempt].job], Outcome.PREEMPTED)


def two_nodes() -> tuple[Hall, Job]:
    """Twelve accelerators are free, and at most six on one node; and what could move."""
    hall = Hall(a_node("n1"), a_node("n2"))
    job = hall.runs_on("n1", 2)
    hall.runs_on("n2", 2, checkpoint=None)
    hall.wait(MINUTE_S)
    return hall, job


def test_one_move_lets_waiting_work_in() -> None:
    hall, small = two_nodes()
    large = hall.submit(gpus=8)
    plan = hall.carry_out(hall.decide())
    assert moved(plan) == {hall.attempt(small).id: "n2"}
    (why,) = plan.waiting.values()
    assert (why.code, why.waits_for) == (WaitCode.PREEMPTING, (small.id,))
    (stop,) = plan.actions
    assert isinstance(stop, StopAttempt)
    assert stop.reason == f"it moves from n1 to n2, so that {large.id} ({large.name}) fits on n1"
    hall.stopped(plan)
    assert hall.cluster.jobs[small.id].moves_to == "n2"
    plan = hall.carry_out(hall.decide())
    assert set(started(plan)) == {small.id, large.id}
    assert (hall.node_of(small), hall.node_of(large)) == ("n2", "n1")
    assert hall.cluster.jobs[small.id].moves_to == ""
    assert (hall.cluster.live.placed, hall.cluster.live.moved) == (14, 1)


def test_the_places_of_both_are_kept_meanwhile() -> None:
    hall, small = two_nodes()
    large = hall.submit(gpus=8)
    plan = hall.carry_out(hall.decide())
    third = hall.submit(gpus=5)
    again = hall.carry_out(hall.decide())
    assert (moved(again), started(again)) == ({}, [])
    hall.stopped(plan)
    plan = hall.carry_out(hall.decide())
    assert set(started(plan)) == {small.id, large.id}
    assert hall.cluster.jobs[third.id].attempt is None
    fourth = hall.submit(gpus=4)
    assert started(hall.decide()) == [fourth.id]


def test_what_lost_its_place_on_the_way_waits_like_everything_else() -> None:
    hall, small = two_nodes()
    hall.submit(gpus=8)
    plan = hall.carry_out(hall.decide())
    hall.stopped(plan)
    hall.cluster.capacity.remove(NodeId("n2"))
    plan = hall.carry_out(hall.decide())
    assert started(plan) == [small.id]
    assert hall.node_of(small) == "n1"


def test_there_is_one_move_for_ten_placements() -> None:
    hall = Hall(a_node("n1"), a_node("n2"), placements=7)
    hall.runs_on("n1", 2)
    hall.runs_on("n2", 2, checkpoint=None)
    hall.submit(gpus=8)
    assert moved(hall.decide()) == {}  # nine placements
    hall.carry_out(hall.decide())
    hall.end(hall.runs_on("n2", 1))
    assert len(moved(hall.decide())) == 1


def test_nothing_is_moved_twice_within_an_hour() -> None:
    hall, small = two_nodes()
    large = hall.submit(gpus=8)
    hall.stopped(hall.carry_out(hall.decide()))
    hall.carry_out(hall.decide())
    hall.end(large)
    for _ in range(20):
        hall.end(hall.runs_on("n1", 1))
    hall.runs_on("n1", 6, checkpoint=None)
    hall.submit(gpus=6)
    assert hall.node_of(small) == "n2"
    assert moved(hall.decide()) == {}
    hall.wait(HOUR_S)
    hall.end(hall.runs_on("n1", 1))
    assert moved(hall.decide()) == {hall.attempt(small).id: "n1"}


def test_work_that_loses_much_or_is_more_urgent_stays() -> None:
    kinds: list[dict[str, Any]] = [{"checkpoint": None}, {"priority": 5}]
    for fields in kinds:
        hall = Hall(a_node("n1"), a_node("n2"))
        hall.runs_on("n1", 2, **fields)
        hall.runs_on("n2", 2, checkpoint=None)
        hall.submit(gpus=8)
        assert moved(hall.decide()) == {}


def test_shares_move_too() -> None:
    hall = Hall(a_node("n1", gpus=1), a_node("n2", gpus=1))
    half = hall.runs_on("n1", 0.5)
    hall.runs_on("n2", 0.4, checkpoint=None)
    hall.submit(gpus=1)
    assert moved(hall.decide()) == {hall.attempt(half).id: "n2"}


# ------------------------------------------------------------------- nodes that can be given back


def test_a_bought_node_is_emptied_into_others_that_are_in_use() -> None:
    hall = Hall(bought("n1"), bought("n2"), bought("n3"), placements=20)
    jobs = [hall.runs_on("n1", 4), hall.runs_on("n1", 2), hall.runs_on("n2", 2)]
    hall.wait(MINUTE_S)
    hall.end(hall.runs_on("n2", 1))
    plan = hall.carry_out(hall.decide())
    assert moved(plan) == {hall.attempt(jobs[2]).id: "n1"}
    hall.stopped(plan)
    hall.carry_out(hall.decide())
    assert {hall.node_of(job) for job in jobs} == {"n1"}
    assert moved(hall.decide()) == {}


def test_what_is_there_anyway_is_not_emptied() -> None:
    hall = Hall(a_node("n1"), a_node("n2"))
    hall.runs_on("n1", 4)
    hall.runs_on("n2", 2)
    hall.end(hall.runs_on("n2", 1))
    assert moved(hall.decide()) == {}


def test_no_node_is_emptied_in_part() -> None:
    hall = Hall(bought("n1"), bought("n2"))
    for _ in range(2):
        hall.runs_on("n1", 2)
        hall.runs_on("n2", 2)
    hall.end(hall.runs_on("n2", 1))
    assert hall.cluster.live.placed == 15  # room for one move, where two are needed
    assert moved(hall.decide()) == {}


sizes = st.lists(st.tuples(st.sampled_from([0.5, 1, 2, 4, 8]), st.booleans(), st.booleans()), max_size=14)


@settings(max_examples=25)
@given(sizes)
def test_it_comes_to_rest_and_moves_little(jobs: list[tuple[float, bool, bool]]) -> None:
    hall = Hall(bought("n1"), bought("n2"), bought("n3"), a_node("n4", gpus=4), placements=30)
    for gpus, saves, ends in jobs:
        job = hall.submit(gpus=gpus, checkpoint=SAVES if saves else None)
        for _ in range(20):
            plan = hall.carry_out(hall.decide())
            if not plan.actions:
                break
            hall.stopped(plan)
        else:
            pytest.fail("it never comes to rest")
        if ends and hall.cluster.jobs[job.id].attempt:
            hall.end(job)
        hall.wait(MINUTE_S)
        assert 10 * hall.cluster.live.moved <= hall.cluster.live.placed
    assert not hall.cluster.waiting.moving
