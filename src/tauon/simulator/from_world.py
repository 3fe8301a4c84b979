"""A world from its description: nodes with their prices, work from a list, a trace or a stream, and what happens."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain
from operator import attrgetter
from pathlib import Path

from msgspec.structs import replace

from tauon.model.accelerator import canonical_type, memory_gib_of
from tauon.model.errors import InvalidSpec
from tauon.model.ids import NodeId, OfferId, PoolName
from tauon.model.job_spec import CheckpointSpec, JobSpec
from tauon.model.node import Node, NodeShape
from tauon.model.pool import Pool
from tauon.model.quantity import parse_accelerators, parse_count_milli, parse_cpu_milli, parse_memory_mib
from tauon.model.resources import MILLI
from tauon.ports.what_if import Question
from tauon.service.queue_settings import queue_nouns
from tauon.simulator.fleet import nodes_in_short, pools_of
from tauon.simulator.from_trace import skips
from tauon.simulator.scenario import (
    NEVER_US,
    Cancel,
    Drain,
    Faults,
    Happening,
    NodeAppears,
    NodeVanishes,
    Submit,
    Undrain,
    Work,
)
from tauon.simulator.traces.formats import Trace
from tauon.simulator.traces.job import TraceJob
from tauon.simulator.workload import Replay, largest_node, submits
from tauon.simulator.world import START_US, World
from tauon.simulator.world_spec import (
    EventSettings,
    JobsSettings,
    NodesSettings,
    SavingSettings,
    StreamSettings,
    WorldPool,
    WorldSpec,
)

RENTED = "rented"
_P90 = 1.2815515655446004  # the standard normal distribution's 90th percentile


def world_of(spec: WorldSpec, path: Path, question: Question) -> World:
    """The world that a document in a file describes; what the question says goes over it. Raises InvalidSpec."""
    pools, nodes = _fleet(spec)
    if question.nodes:
        nodes = nodes_in_short(question.nodes)
        pools = pools_of(nodes)
    seed = spec.seed if question.seed is None else question.seed
    until_s = spec.until if question.until_s is None else question.until_s
    queues = queue_nouns(spec.queues, spec.half_life)
    trace = Trace(path.parent / spec.trace.file) if spec.trace else None
    gpu_only = question.gpu_only or (spec.trace is not None and spec.trace.gpu_only)
    replay = Replay(start_us=START_US, largest=largest_node(nodes), queues=frozenset(queues), gpu_only=gpu_only)
    script = _script(spec, nodes, path)

    def happenings() -> Iterator[Happening]:
        parts: list[Iterable[Happening]] = [script]
        if trace is not None and spec.trace is not None:
            saving = _replay(replay, spec.trace)
            parts.append(submits(trace.jobs(), trace.first_us, replace(saving, speed=spec.trace.speed)))
        if spec.stream is not None:
            parts.append(submits(_stream(spec.stream, seed), 0, _replay(replay, spec.stream)))
        return heapq.merge(*parts, key=attrgetter("at_us"))

    scripted = sum(isinstance(one, Submit) for one in script)
    streamed = spec.stream.jobs if spec.stream else 0
    return World(
        name=spec.name or path.stem,
        source=str(path),
        format="world",
        pools=pools,
        queues=tuple(queues.values()),
        nodes=tuple(nodes),
        happenings=happenings,
        jobs=scripted + streamed + (trace.count if trace else 0),
        policies=tuple(spec.policies),
        seed=seed,
        faults=_faults(spec),
        until_us=NEVER_US if until_s is None else START_US + round(until_s * 1e6),
        start_s=spec.start_takes,
        skipped=skips(trace.skipped, 0) if trace else (),
    )


def _fleet(spec: WorldSpec) -> tuple[tuple[Pool, ...], list[Node]]:
    pools = tuple(
        Pool(
            name=PoolName(one.name),
            provider="simulated",
            region=one.region,
            residency=tuple(one.residency),
            capacity_type=one.capacity_type,
            keep_idle_s=one.keep_idle or 0.0,
            prices_usd_per_h={canonical_type(part): price for part, price in one.prices_usd_per_h.items()},
        )
        for one in spec.pools
    )
    nodes = [
        Node(
            id=NodeId(f"{settings.name}-{number}"),
            shape=shape,
            offer=OfferId("" if settings.keep_idle is None else RENTED),
        )
        for settings, pool in zip(spec.pools, pools, strict=True)
        for number, shape in enumerate(_shapes(settings, pool))
    ]
    return pools, nodes


def _shapes(settings: WorldPool, pool: Pool) -> Iterator[NodeShape]:
    for entry in settings.nodes:
        shape = _shape(entry, pool)
        for _ in range(entry.count):
            yield shape


def _shape(entry: NodesSettings, pool: Pool) -> NodeShape:
    found = parse_accelerators(entry.accelerators or None)
    kind = found[0].type if found else ""
    return NodeShape(
        pool=pool.name,
        accelerator=kind,
        accelerator_count=found[0].milli // MILLI if found else 0,
        accelerator_memory_gib=memory_gib_of(kind) if kind else 0,
        cpu_milli=parse_cpu_milli(entry.cpu),
        memory_mib=parse_memory_mib(entry.memory),
        disk_mib=parse_memory_mib(entry.disk),
        region=pool.region,
        residency=pool.residency,
        capacity_type=pool.capacity_type,
        rates=pool.rates(kind),
    )


def _faults(spec: WorldSpec) -> Faults:
    given = spec.faults.model_dump()
    durations = {f"{name}_s": given.pop(name) for name in ("late", "node_lasts", "node_repair")}
    return Faults(**given, **durations)


def _replay(base: Replay, saving: SavingSettings) -> Replay:
    return replace(base, save_s=saving.save, saves_every_s=saving.saves_every, restart_s=saving.restart)


# --------------------------------------------------------------------- what is listed


def _script(spec: WorldSpec, nodes: list[Node], path: Path) -> list[Happening]:
    """Submits and events in order of time; at the same time those that are written first come first."""
    listed = sorted(chain.from_iterable(_submits(entry) for entry in spec.jobs), key=attrgetter("at_us"))
    found: list[Happening] = list(listed)
    by_id = {node.id: node for node in nodes}
    for event in sorted(spec.events, key=attrgetter("at")):
        at_us = START_US + round(event.at * 1e6)
        found += _happen(event, at_us, found, by_id, path)
    found.sort(key=attrgetter("at_us"))
    return _renumbered(found)


def _submits(entry: JobsSettings) -> Iterator[Submit]:
    job = entry.job
    if job.checkpoint is None and (entry.save is not None or entry.saves_every):
        job = job.model_copy(update={"checkpoint": CheckpointSpec(interval=entry.saves_every)})
    work = Work(
        duration_s=entry.lasts,
        exit_code=entry.exit_code,
        crashes_at_s=tuple(entry.crashes_at),
        saves_every_s=entry.saves_every,
        save_s=entry.save,
        restart_s=entry.restart,
        ignores_notice=entry.ignores_notice,
    )
    for number in range(entry.times):
        at_us = START_US + round((entry.at + number * entry.every) * 1e6)
        yield Submit(at_us=at_us, spec=job, work=work, user=entry.user)


class _CancelOf(Cancel, frozen=True, kw_only=True, gc=False):
    """A cancellation that still names its submit by itself, and not by its position."""

    which: Submit


def _happen(
    event: EventSettings, at_us: int, so_far: list[Happening], nodes: dict[NodeId, Node], path: Path
) -> list[Happening]:
    named = NodeId(event.drain or event.undrain or event.vanish or event.back)
    if named:
        if named not in nodes:
            known = ", ".join(list(nodes)[:3])
            raise InvalidSpec(f"{path}: events: there is no node {named!r}; there are: {known} ...")
        if event.drain:
            return [Drain(at_us=at_us, node=named)]
        if event.undrain:
            return [Undrain(at_us=at_us, node=named)]
        if event.vanish:
            return [NodeVanishes(at_us=at_us, node=named)]
        return [NodeAppears(at_us=at_us, node=nodes[named])]
    meant = [one for one in so_far if isinstance(one, Submit) and one.spec.name == (event.cancel or event.resize)]
    gone = {id(one.which) for one in so_far if isinstance(one, _CancelOf)}
    alive = [one for one in meant if id(one) not in gone and one.at_us <= at_us]
    if not alive:
        raise InvalidSpec(f"{path}: events: no job called {event.cancel or event.resize!r} is there at that time")
    if event.cancel:
        return [_CancelOf(at_us=at_us, submit=0, which=one) for one in alive]
    return _resized(event, at_us, alive[0])


def _resized(event: EventSettings, at_us: int, old: Submit) -> list[Happening]:
    """The job ends, and one of its name does the rest of its work with other resources."""
    left_s = max(0.0, old.work.duration_s - (at_us - old.at_us) / 1e6)
    resources = old.spec.resources.model_dump(exclude_unset=True) | event.to
    spec = JobSpec.model_validate(old.spec.model_dump(exclude_unset=True) | {"resources": resources})
    again = Submit(at_us=at_us, spec=spec, work=replace(old.work, duration_s=left_s), user=old.user)
    return [_CancelOf(at_us=at_us, submit=0, which=old), again]


def _renumbered(found: list[Happening]) -> list[Happening]:
    """Cancellations by the position of their submit, as a scenario has them."""
    position = {id(one): i for i, one in enumerate(one for one in found if isinstance(one, Submit))}
    return [
        Cancel(at_us=one.at_us, submit=position[id(one.which)]) if isinstance(one, _CancelOf) else one for one in found
    ]


# --------------------------------------------------------------------- what is made by chance


def _stream(settings: StreamSettings, seed: int) -> Iterator[TraceJob]:
    """Independent arrivals; whole seconds, so that no machine's logarithm makes a difference."""
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated is the point
    sigma = math.log(settings.lasts.p90 / settings.lasts.median) / _P90
    widths, queues = list(settings.accelerators), list(settings.queues) or [""]
    width_sums = list(accumulate(settings.accelerators.values()))
    queue_sums = list(accumulate(settings.queues.values())) or [1.0]
    at_s = 0.0
    for _ in range(settings.jobs):
        at_s += rng.expovariate(settings.per_hour / 3600)
        width = rng.choices(widths, cum_weights=width_sums)[0]
        yield TraceJob(
            at_us=round(at_s) * 1_000_000,
            duration_s=max(1.0, round(settings.lasts.median * math.exp(sigma * rng.gauss(0, 1)))),
            user=f"user-{rng.randrange(settings.users)}",
            queue=rng.choices(queues, cum_weights=queue_sums)[0],
            accelerators_milli=parse_count_milli(width),
            kinds=tuple(canonical_type(kind) for kind in settings.kinds),
        )
