"""Trees of queues by a number: limits hold at every moment, guarantees are met in time, and the loop comes to rest."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tauon.model.attempt import Attempt, StopCause
from tauon.model.event import AttemptEnded, AttemptPlaced, AttemptStopRequested, Event, JobSubmitted
from tauon.model.ids import QueueName
from tauon.model.job_spec import JobSpec
from tauon.model.queue import Queue, path
from tauon.model.tree import Tree
from tauon.simulator.result import Result
from tauon.simulator.scenario import Scenario, Submit, Work
from tauon.simulator.simulation import simulate
from tests.builders import SECOND_US, START_US, a_node
from tests.simulator.crowds import calm_world
from tests.simulator.worlds import NO_FAULTS, QUEUES, RATES, a_pool

bounded = settings(max_examples=40, deadline=None, derandomize=True)
numbers = st.integers(0, 10**6)
NAMES = ("default", "research", "research/vision", "research/nlp", "product", "product/web")
MIN_RUN_S = 50.0
FOR_EVER_S = 10.0**7


def a_tree(rng: random.Random, names: Iterable[str], gpus: int) -> tuple[Queue, ...]:
    """Queues with random quotas; their guarantees may add up to more than there is, or to next to nothing."""
    queues = []
    for name in names:
        leaf = not any(other.startswith(f"{name}/") for other in names)
        guarantee = rng.choice([0, 0, 1, 2, gpus // 4, gpus // 2]) if leaf else 0
        maximum = rng.choice([None, None, None, guarantee + rng.randint(0, gpus // 2)])
        queues.append(
            Queue(
                name=QueueName(name),
                weight=rng.choice([0.5, 1.0, 3.0]),
                guarantee={"H100": guarantee * 1000} if guarantee else {},
                maximum={"H100": maximum * 1000} if maximum is not None else {},
                borrow=rng.random() < 0.8 or not guarantee,
                max_micro_usd_per_h=rng.choice([None, None, None, 20_000_000]),
                min_run_s=rng.choice([0.0, MIN_RUN_S]),
                half_life_s=rng.choice([60.0, 3600.0]),
            )
        )
    return tuple(queues)


def a_still_world(number: int) -> Scenario:
    """Everything is submitted at once and runs for ever: what moves then, the planner moves."""
    rng = random.Random(number)
    sizes = [rng.choice([2, 4, 8]) for _ in range(rng.randint(1, 4))]
    nodes = [a_node(f"n{i}", gpus=gpus, rates=RATES["H100"]) for i, gpus in enumerate(sizes)]
    submits = []
    for i in range(rng.randint(5, 40)):
        wanted = rng.choice([1, 1, 1, 2, 4])
        document: dict[str, Any] = {
            "run": "work",
            "queue": rng.choice(NAMES),
            "priority": rng.choice([0, 0, 0, 1, 5]),
            "workers": rng.choice([1, 1, 1, 2]),
            "resources": {"accelerators": f"H100:{wanted}", "cpu": "10m", "memory": "0"},
            "checkpoint": {"interval": rng.choice([0, 20]), "notice_s": rng.choice([0, 5])},
        }
        at_us = START_US + rng.choice([0, 0, 0, 1, 100]) * SECOND_US
        submits.append(
            Submit(at_us=at_us, spec=JobSpec.model_validate(document), work=Work(duration_s=FOR_EVER_S), key=f"key-{i}")
        )
    submits.sort(key=lambda submit: submit.at_us)
    return Scenario(
        seed=number,
        pools=(a_pool("lab"),),
        queues=a_tree(rng, NAMES, sum(sizes)),
        nodes=tuple(nodes),
        happenings=tuple(submits),
        faults=NO_FAULTS,
        start_s=1.0,
        resync_s=None,
        until_us=START_US + 2 * 3600 * SECOND_US,
    )


class Holders:
    """Who holds what, from the journal alone."""

    def __init__(self, queues: Iterable[Queue]) -> None:
        self.tree = Tree({queue.name: queue for queue in queues})
        self.queue_of: dict[str, QueueName] = {}
        self.live: dict[str, Attempt] = {}

    def see(self, event: Event) -> None:
        match event.fact:
            case JobSubmitted(job=job):
                self.queue_of[job.id] = job.queue
            case AttemptPlaced(attempt=attempt):
                self.live[attempt.id] = attempt
            case AttemptEnded(attempt_id=attempt_id):
                del self.live[attempt_id]
            case _:
                pass

    def held(self) -> Counter[tuple[QueueName, str]]:
        held: Counter[tuple[QueueName, str]] = Counter()
        for attempt in self.live.values():
            for name in path(self.queue_of[attempt.job]):
                held[name, attempt.accelerator] += attempt.accelerator_milli
        return held

    def within_limits(self) -> None:
        for (name, type_), milli in self.held().items():
            most = self.tree.limit(name, type_)
            assert most is None or milli <= most, f"queue {name} holds {milli} of {type_}, its limit is {most}"


def played(world: Scenario) -> tuple[Result, Holders]:
    result = asyncio.run(simulate(world))
    holders = Holders(world.queues)
    for event in result.events():
        holders.see(event)
        holders.within_limits()
    return result, holders


@bounded
@given(numbers)
def test_nobody_is_ever_above_a_limit(number: int) -> None:
    world = calm_world(number)
    rng = random.Random(number)
    played(replace(world, queues=a_tree(rng, QUEUES, 16)))


@settings(bounded, max_examples=150)
@given(numbers)
def test_an_unchanged_world_comes_to_rest(number: int) -> None:
    """Nobody stops somebody twice, no two stop each other in turn, and all is quiet in the end."""
    result, holders = played(a_still_world(number))
    pairs: set[tuple[str, str]] = set()
    last_us = START_US
    for event in result.events():
        fact = event.fact
        if isinstance(fact, JobSubmitted):
            pairs.clear()  # the world has changed
        elif isinstance(fact, AttemptStopRequested) and fact.cause is StopCause.PREEMPTED:
            winner, victim = fact.reason.split()[2], fact.attempt_id.rpartition("-")[0]
            assert (victim, winner) not in pairs, f"{winner} and {victim} stop each other in turn"
            assert (winner, victim) not in pairs, f"{winner} stops {victim} twice"
            pairs.add((winner, victim))
            last_us = event.at_us
    assert last_us - START_US < 3600 * SECOND_US
    guarantees_are_met(result, holders)


def guarantees_are_met(result: Result, holders: Holders) -> None:
    """A single H100 that waits in a leaf within its guarantee has no borrower beside it, and finds nothing free."""
    held, tree = holders.held(), holders.tree
    for job in result.cluster.jobs.values():
        request = job.request
        one = request.workers == 1 and request.resources().accelerator_milli == 1000
        if job.attempt is not None or not one or tree.children(job.queue):
            continue
        if held[job.queue, "H100"] + 1000 > tree.guarantee(job.queue, "H100") or blocked(job.queue, result, holders):
            continue
        free = [room.node for room in result.cluster.capacity.rooms() if room.whole]
        assert not free, f"{job.id} of {job.queue} waits for what it is guaranteed, and {free} has room"
        for name in {holders.queue_of[a.job] for a in holders.live.values()} - {job.queue}:
            over = held[name, "H100"] - tree.guarantee(name, "H100")
            assert over <= 0 or tree.children(name), f"{job.id} of {job.queue} waits while {name} borrows {over}"


def blocked(queue: QueueName, result: Result, holders: Holders) -> bool:
    """Whether a limit of a queue above is in the way."""
    for name in path(queue):
        most = holders.tree.limit(name, "H100")
        if holders.tree.queue(name).max_micro_usd_per_h is not None:
            return True
        if most is not None and holders.held()[name, "H100"] + 1000 > most:
            return True
    return False
