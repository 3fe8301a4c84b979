"""Crowded worlds by a number: a small fleet and far more work than it holds, so that everybody is in everybody's way."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import Phase, settings

from tauon.model.ids import QueueName
from tauon.model.job_spec import JobSpec
from tauon.model.node import Node
from tauon.model.queue import Queue
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
from tests.builders import SECOND_US, START_US, a_node
from tests.simulator.worlds import NO_FAULTS, QUEUES, RATES, a_pool

# A smaller number is no simpler world: nothing is gained by looking for one.
by_number = settings(
    max_examples=40, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)


def crowded_world(number: int) -> Scenario:
    """Work of all kinds, people who change their minds, nodes that come and go, and a few faults."""
    rng = random.Random(number)
    fleet = _fleet(rng)
    rate = rng.choice([0.0, 0.0, 0.02, 0.1])
    faults = Faults(
        start_fails=rate,
        not_ready=rate,
        refused=rate / 4,
        reply_lost=rate,
        no_answer=rate,
        doubled=rate,
        amnesia=rate,
        late_s=rng.choice([0.0, 0.0, 5.0]),
        node_lasts_s=rng.choice([0.0, 0.0, 2_000.0]),
        node_repair_s=60.0,
    )
    return _world(rng, number, fleet, faults, _happenings(rng, fleet, changes=0.2))


def calm_world(number: int) -> Scenario:
    """Work of all kinds, and nothing else: what is seen in it is the planner's doing alone."""
    rng = random.Random(number)
    fleet = _fleet(rng)
    return _world(rng, number, fleet, NO_FAULTS, _happenings(rng, fleet, changes=0.0))


def _world(rng: random.Random, number: int, fleet: list[Node], faults: Faults, happenings: list[Happening]) -> Scenario:
    return Scenario(
        seed=number,
        pools=(a_pool("lab"), a_pool("cloud")),
        queues=tuple(Queue(name=QueueName(name), weight=rng.choice([0.5, 1.0, 3.0])) for name in QUEUES),
        nodes=tuple(fleet),
        happenings=tuple(happenings),
        faults=faults,
        start_s=rng.choice([0.0, 1.0, 10.0]),
        until_us=START_US + 48 * 3600 * SECOND_US,
    )


def _fleet(rng: random.Random) -> list[Node]:
    fleet = []
    for i in range(rng.randint(2, 5)):
        kind = rng.choice(["H100", "H100", "H100", "A100", ""])
        pool = rng.choice(["lab", "lab", "cloud"])
        fleet.append(
            a_node(
                f"n{i}",
                pool=pool,
                gpus=rng.choice([4, 8, 8]) if kind else 0,
                accelerator=kind,
                cpu_milli=rng.choice([16_000, 64_000]),
                memory_mib=rng.choice([64, 512]) * 1024,
                rates=RATES[kind],
            )
        )
    return fleet


def _spec(rng: random.Random) -> JobSpec:
    count = rng.choice([0, 0.25, 0.5, 1, 1, 2, 4, 8])
    kinds = rng.choice([["H100"], ["H100"], ["H100", "A100"], ["A100", "H100"]])
    document: dict[str, Any] = {
        "run": "work",
        "priority": rng.choice([0, 0, 0, 1, 1, 2, 5]),
        "workers": rng.choice([1, 1, 1, 1, 2, 3]),
        "queue": rng.choice(QUEUES),
        "resources": {
            "accelerators": [f"{kind}:{count:g}" for kind in kinds] if count else None,
            "cpu": rng.choice(["250m", "1", "4"]),
            "memory": rng.choice(["0", "1", "20"]),
        },
        "retries": {"failed": rng.randint(0, 1), "lost": 10, "start": 10, "backoff": rng.choice([0, 1, 20])},
    }
    if rng.random() < 0.5:
        document["checkpoint"] = {"interval": rng.choice([0, 20]), "notice_s": rng.choice([0, 5, 30])}
    if rng.random() < 0.1:
        document["timeout"] = rng.choice([30, 200])
    if rng.random() < 0.2:
        document["deadline"] = rng.choice(["10m", "2h"])
    return JobSpec(**document)


def _work(rng: random.Random, spec: JobSpec) -> Work:
    checkpoint = spec.checkpoint
    return Work(
        duration_s=rng.choice([0.0, 1.0, 10.0, 60.0, 60.0, 300.0]) * rng.choice([1.0, 1.0, rng.random()]),
        exit_code=rng.choice([0, 0, 0, 0, 0, 3]),
        crashes_at_s=rng.choice([(), (), (), (), (5.0,)]),
        saves_every_s=float(str(checkpoint.interval)) if checkpoint else 0.0,
        save_s=rng.choice([0.0, 2.0]) if checkpoint and rng.random() < 0.7 else None,
        restart_s=rng.choice([0.0, 5.0]),
        ignores_notice=rng.random() < 0.3,
    )


def _happenings(rng: random.Random, fleet: list[Node], *, changes: float) -> list[Happening]:
    found: list[Happening] = []
    at_us, submitted = START_US, 0
    for _ in range(rng.randint(15, 60)):
        at_us += round(rng.choice([0.0, 0.0, 1.0, 10.0, rng.expovariate(0.1)]) * SECOND_US)
        if submitted and rng.random() < changes:
            found.append(_change_of_mind(rng, at_us, fleet, submitted))
            continue
        spec = _spec(rng)
        after = (rng.randrange(submitted),) if submitted and rng.random() < 0.1 else ()
        work = _work(rng, spec)
        found.append(Submit(at_us=at_us, spec=spec, work=work, key=f"key-{submitted}", after=after))
        submitted += 1
    return found


def _change_of_mind(rng: random.Random, at_us: int, fleet: list[Node], submitted: int) -> Happening:
    node = rng.choice(fleet)
    choices: list[Happening] = [
        Cancel(at_us=at_us, submit=rng.randrange(submitted)),
        Cancel(at_us=at_us, submit=submitted - 1),
        Drain(at_us=at_us, node=node.id),
        Undrain(at_us=at_us, node=node.id),
        Undrain(at_us=at_us, node=node.id),
        NodeVanishes(at_us=at_us, node=node.id),
        NodeAppears(at_us=at_us, node=node),
        NodeAppears(at_us=at_us, node=node),
    ]
    return rng.choice(choices)
