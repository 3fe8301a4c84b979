"""Small worlds, each with one thing to tell; their journals are kept as text under golden/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tauon.model.ids import NodeId, QueueName
from tauon.model.job_spec import JobSpec, ResourcesSpec
from tauon.model.queue import DEFAULT_QUEUE, Queue
from tauon.simulator.scenario import (
    Cancel,
    Drain,
    Faults,
    Happening,
    NodeAppears,
    NodeVanishes,
    Scenario,
    Submit,
    Undrain,
    Work,
)
from tests.builders import SECOND_US, START_US, a_node, a_pool


def at(seconds: float) -> int:
    return START_US + round(seconds * SECOND_US)


def submit(seconds: float, wanted: str, work: Work, **fields: Any) -> Submit:
    """At a time, a job that asks for `H100:2` or the like."""
    after = fields.pop("after", ())
    spec = JobSpec(run="work", resources=ResourcesSpec(accelerators=wanted), **fields)
    return Submit(at_us=at(seconds), spec=spec, work=work, after=after)


def a_world(*happenings: Happening, nodes: int = 1, **fields: Any) -> Scenario:
    fleet = tuple(a_node(f"n{i}") for i in range(1, nodes + 1))
    return Scenario(**({"pools": (a_pool(),), "nodes": fleet, "happenings": happenings} | fields))


def preempted_and_resumed() -> Scenario:
    """Training that saves gives way to something urgent, and goes on from where it was; what can't save begins anew."""
    saves = {"interval": "1m", "notice_s": 10}
    return a_world(
        submit(0, "H100:4", Work(duration_s=300, saves_every_s=60, save_s=2, restart_s=5), checkpoint=saves),
        submit(0, "H100:4", Work(duration_s=300, restart_s=5)),
        submit(100, "H100:8", Work(duration_s=60), priority=10),
    )


def a_gang_loses_a_node() -> Scenario:
    """Half of a gang is gone: the other half is stopped, and all of it starts again when there are two nodes."""
    return a_world(
        submit(0, "H100:8", Work(duration_s=100), workers=2),
        NodeVanishes(at_us=at(40), node=NodeId("n2")),
        NodeAppears(at_us=at(90), node=a_node("n2")),
        nodes=2,
    )


def retries_by_cause() -> Scenario:
    """A crash, a time limit and a failed start: each has its own retries, and waits longer each time."""
    retries = {"failed": 2, "timeout": 1, "backoff": 4}
    return a_world(
        submit(0, "H100:1", Work(duration_s=30, crashes_at_s=(10, 20)), retries=retries),
        submit(0, "H100:1", Work(duration_s=100, ignores_notice=True), retries=retries, timeout=20),
        submit(0, "H100:1", Work(duration_s=30, exit_code=3)),
    )


def one_after_another() -> Scenario:
    """Jobs that wait for others; one fails, and takes with it what waits for it."""
    return a_world(
        submit(0, "H100:1", Work(duration_s=20)),
        submit(0, "H100:1", Work(duration_s=10, exit_code=1)),
        submit(0, "H100:1", Work(duration_s=5), after=(0,)),
        submit(0, "H100:1", Work(duration_s=5), after=(0, 1)),
        submit(0, "H100:1", Work(duration_s=5), after=(3,)),
    )


def changes_of_mind() -> Scenario:
    """Cancelled while it waits, while it starts and while it runs; a node drained and returned."""
    return a_world(
        submit(0, "H100:8", Work(duration_s=50)),
        submit(1, "H100:8", Work(duration_s=50)),
        Cancel(at_us=at(2), submit=1),
        Drain(at_us=at(10), node=NodeId("n1")),
        submit(11, "H100:4", Work(duration_s=500)),
        Undrain(at_us=at(100), node=NodeId("n1")),
        Cancel(at_us=at(120), submit=2),
        submit(130, "H100:1", Work(duration_s=5)),
        Cancel(at_us=at(131), submit=3),
        start_s=4.0,
    )


def shares_of_queues() -> Scenario:
    """Research weighs three times as much as product: so much of the pool does it get while both want all of it."""
    work = Work(duration_s=100)
    queues = [("research", 3.0), ("product", 1.0)]
    return a_world(
        submit(0, "H100:8", Work(duration_s=10)),
        *(submit(1, "H100:2", work, queue=name) for _ in range(4) for name, _ in queues),
        queues=(Queue(name=DEFAULT_QUEUE), *(Queue(name=QueueName(name), weight=weight) for name, weight in queues)),
        nodes=1,
    )


def replies_get_lost() -> Scenario:
    """Every third call breaks, before or after it took effect: all jobs run to their end, each once."""
    return a_world(
        *(submit(i, "H100:2", Work(duration_s=20)) for i in range(4)),
        faults=Faults(reply_lost=0.35, no_answer=0.1),
        seed=2,
    )


STORIES: tuple[Callable[[], Scenario], ...] = (
    preempted_and_resumed,
    a_gang_loses_a_node,
    retries_by_cause,
    one_after_another,
    changes_of_mind,
    shares_of_queues,
    replies_get_lost,
)
