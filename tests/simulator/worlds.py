"""Random small worlds for the property tests: fleets, jobs of every kind, people who change their minds, and faults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from tauon.model.ids import NodeId, PoolName, QueueName
from tauon.model.job_spec import JobSpec
from tauon.model.money import Rates
from tauon.model.node import Node
from tauon.model.pool import Pool
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

RATES = {
    "H100": Rates(accelerator_micro_usd=2_490_000, cpu_micro_usd=31_250, memory_gib_micro_usd=4_001),
    "A100": Rates(accelerator_micro_usd=1_190_003, cpu_micro_usd=31_250, memory_gib_micro_usd=4_001),
    "": Rates(cpu_micro_usd=30_000, memory_gib_micro_usd=3_999),
}
QUEUES = ("default", "research", "research/vision")
NO_FAULTS = Faults()


@st.composite
def nodes(draw: st.DrawFn, pool: str, number: int) -> Node:
    kind = draw(st.sampled_from(["H100", "H100", "H100", "A100", ""]))
    return a_node(
        f"{pool}-n{number}",
        pool=PoolName(pool),
        gpus=draw(st.sampled_from([8, 4, 2])) if kind else 0,
        accelerator=kind,
        cpu_milli=draw(st.sampled_from([64_000, 16_000, 6_000])),
        memory_mib=draw(st.sampled_from([512, 64])) * 1024,
        rates=RATES[kind],
    )


@st.composite
def fleets(draw: st.DrawFn) -> list[Node]:
    found = [draw(nodes("lab", i)) for i in range(draw(st.integers(1, 3)))]
    return found + [draw(nodes("cloud", i)) for i in range(draw(st.sampled_from([0, 0, 1, 2])))]


_SECONDS = st.sampled_from([0.0, 1.0, 7.0, 30.0, 31.0, 90.0, 600.0, 600.0])
_COUNTS = st.sampled_from([4, 1, 0, 0.5, 2, 1, 8, 0.25, 4, 2])


@st.composite
def specs(draw: st.DrawFn) -> JobSpec:
    count = draw(_COUNTS)
    kinds = draw(st.sampled_from([["H100"], ["H100"], ["H100", "A100"], ["A100", "H100"], ["A100"]]))
    wanted: Any = [f"{kind}:{count:g}" for kind in kinds] if count else None
    if count and draw(st.integers(0, 9)) == 0:
        wanted = {"memory_gib": ">=40", "count": count}
    document: dict[str, Any] = {
        "run": "work",
        "priority": draw(st.integers(-1, 3)),
        "workers": draw(st.sampled_from([1, 1, 1, 2, 3, 4])),
        "queue": draw(st.sampled_from(QUEUES)),
        "resources": {
            "accelerators": wanted,
            "cpu": draw(st.sampled_from(["0", "250m", "1", "3"])),
            "memory": draw(st.sampled_from(["0", "1", "7", "40"])),
        },
        "retries": {
            "failed": draw(st.integers(0, 2)),
            "lost": draw(st.sampled_from([0, 3, 10])),
            "start": draw(st.sampled_from([0, 3, 10])),
            "timeout": draw(st.integers(0, 1)),
            "backoff": draw(st.sampled_from([0, 1, 20])),
        },
    }
    if draw(st.booleans()):
        interval, notice = draw(st.sampled_from([0, 5, 60])), draw(st.sampled_from([0, 2, 30]))
        document["checkpoint"] = {"interval": interval, "notice_s": notice}
    if draw(st.integers(0, 9)) == 9:
        document["timeout"] = draw(st.sampled_from([1, 10, 100]))
    if draw(st.integers(0, 4)) == 4:
        document["deadline"] = draw(st.sampled_from(["1m", "1h"]))
    if draw(st.integers(0, 9)) == 9:
        document["max_price"] = "1.50"
    if draw(st.integers(0, 9)) == 9:
        document["constraints"] = {"pools": [draw(st.sampled_from(["lab", "cloud"]))]}
    return JobSpec(**document)


@st.composite
def works(draw: st.DrawFn, spec: JobSpec) -> Work:
    checkpoint = spec.checkpoint
    duration_s = draw(_SECONDS)
    return Work(
        duration_s=duration_s,
        exit_code=draw(st.sampled_from([0, 0, 0, 0, 3])),
        crashes_at_s=draw(st.sampled_from([(), (), (), (0.5,), (2.0, 20.0)])),
        saves_every_s=float(str(checkpoint.interval)) if checkpoint else 0.0,
        save_s=draw(st.sampled_from([0.0, 1.0, 50.0])) if checkpoint and draw(st.booleans()) else None,
        restart_s=draw(st.sampled_from([0.0, 0.0, 3.0])),
        ignores_notice=draw(st.booleans()),
    )


@st.composite
def submits(draw: st.DrawFn, at_us: int, position: int) -> Submit:
    spec = draw(specs())
    before = draw(st.lists(st.integers(0, position - 1), max_size=2, unique=True)) if position else []
    return Submit(
        at_us=at_us,
        spec=spec,
        work=draw(works(spec)),
        user=draw(st.sampled_from(["ada", "bob"])),
        key=f"key-{position}",
        after=tuple(before) if draw(st.integers(0, 7)) == 7 else (),
    )


@st.composite
def changes_of_mind(draw: st.DrawFn, at_us: int, fleet: list[Node], submitted: int) -> Happening:
    node = draw(st.sampled_from(fleet))
    kind = draw(st.sampled_from(["cancel", "cancel", "drain", "undrain", "vanish", "appear", "shrink"]))
    match kind:
        case "cancel" if submitted:
            return Cancel(at_us=at_us, submit=draw(st.integers(0, submitted - 1)))
        case "drain":
            return Drain(at_us=at_us, node=node.id)
        case "vanish":
            return NodeVanishes(at_us=at_us, node=node.id)
        case "appear":
            return NodeAppears(at_us=at_us, node=node)
        case "shrink":
            shape = node.shape
            smaller = a_node(
                node.id,
                pool=shape.pool,
                gpus=shape.accelerator_count // 2,
                accelerator=shape.accelerator if shape.accelerator_count > 1 else "",
                cpu_milli=shape.cpu_milli // 2,
                memory_mib=shape.memory_mib // 2,
                rates=RATES[shape.accelerator],
            )
            return NodeAppears(at_us=at_us, node=smaller)
        case _:
            return Undrain(at_us=at_us, node=NodeId(node.id))


@st.composite
def happenings(draw: st.DrawFn, fleet: list[Node], *, calm: bool) -> list[Happening]:
    """Submits for the most part; in a calm world nobody changes their mind and no node comes or goes."""
    found: list[Happening] = []
    at_us, submitted = START_US, 0
    for _ in range(draw(st.integers(2, 16))):
        at_us += round(draw(st.sampled_from([0.0, 0.0, 0.5, 3.0, 15.0])) * SECOND_US)
        if calm or draw(st.integers(0, 3)):
            found.append(draw(submits(at_us, submitted)))
            submitted += 1
        else:
            found.append(draw(changes_of_mind(at_us, fleet, submitted)))
    return found


def faults() -> st.SearchStrategy[Faults]:
    """Anything may go wrong, at times all at once."""
    rate = st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.3])
    return st.builds(
        Faults,
        start_fails=rate,
        not_ready=rate,
        refused=rate,
        reply_lost=rate,
        no_answer=rate,
        doubled=rate,
        amnesia=rate,
        late_s=st.sampled_from([0.0, 0.0, 2.0, 45.0]),
        node_lasts_s=st.sampled_from([0.0, 0.0, 200.0]),
        node_repair_s=st.sampled_from([1.0, 60.0]),
    )


@st.composite
def worlds(draw: st.DrawFn, *, calm: bool = False) -> Scenario:
    fleet = draw(fleets())
    return Scenario(
        seed=draw(st.integers(0, 2**32)),
        pools=tuple(a_pool(name) for name in ("lab", "cloud")),
        queues=tuple(Queue(name=QueueName(name), weight=w) for name, w in zip(QUEUES, (1.0, 2.0, 0.5), strict=True)),
        nodes=tuple(fleet),
        happenings=tuple(draw(happenings(fleet, calm=calm))),
        faults=NO_FAULTS if calm else draw(faults()),
        start_s=draw(st.sampled_from([0.0, 1.0, 20.0])),
        until_us=START_US + 3600 * 12 * SECOND_US,
    )


def a_pool(name: str) -> Pool:
    return Pool(name=PoolName(name), provider="simulated")


def submits_of(scenario: Scenario) -> list[Submit]:
    listed: Iterable[Happening] = scenario.happenings
    return [happening for happening in listed if isinstance(happening, Submit)]
