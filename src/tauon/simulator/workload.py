"""Jobs of a trace as jobs of Tauon: each cut into a gang that fits the nodes, each with the duration that it had."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tauon.model.job_spec import CheckpointSpec, ConstraintsSpec, JobSpec, ResourcesSpec
from tauon.model.node import Node
from tauon.model.resources import MILLI
from tauon.simulator.scenario import Submit, Work
from tauon.simulator.traces.job import TraceJob

RUN = "replayed"
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """How a trace is played. `largest` is how many accelerators a node has at most; `gpu_only` leaves other work out.

    A job that checkpoints saves at notice in `save_s`, and all `saves_every_s` of running (0: only at notice); its
    later attempts do `restart_s` of work more. `save_s` None: jobs do not checkpoint, and what is preempted is lost.
    """

    start_us: int
    largest: int = 8
    queues: frozenset[str] = frozenset()
    gpu_only: bool = False
    save_s: float | None = None
    saves_every_s: float = 0.0
    restart_s: float = 0.0
    speed: float = 1.0  # how much closer together the arrivals are


def largest_node(nodes: Sequence[Node]) -> int:
    """How many accelerators a node has at most."""
    return max((node.shape.accelerator_count for node in nodes), default=0)


def submits(jobs: Iterable[TraceJob], first_us: int, replay: Replay) -> Iterator[Submit]:
    """The submits of a trace, in its order; equal jobs share one specification."""
    specs: dict[tuple[object, ...], JobSpec] = {}
    for job in jobs:
        if replay.gpu_only and not job.accelerators_milli:
            continue
        workers, milli = gang(job, replay.largest)
        queue = job.queue if job.queue in replay.queues else None
        key = (workers, milli, job.kinds, job.cpu_milli, job.memory_mib, queue)
        spec = specs.get(key)
        if spec is None:
            if len(specs) > 50_000:
                specs.clear()
            spec = specs[key] = _spec(job, workers, milli, queue, replay)
        yield Submit(
            at_us=replay.start_us + round((job.at_us - first_us) / replay.speed),
            spec=spec.model_copy(update={"name": name}) if (name := _named(job.name)) else spec,
            work=Work(
                duration_s=job.duration_s,
                save_s=replay.save_s,
                saves_every_s=replay.saves_every_s,
                restart_s=replay.restart_s,
            ),
            user=job.user or "trace",
        )


def _named(text: str) -> str:
    return _NO_NAME.sub("-", text).strip("-._")[:63].strip("-._") if text else ""


def gang(job: TraceJob, largest: int) -> tuple[int, int]:
    """Workers, and thousandths of accelerators for each.

    A job that is wider than a node gets the largest equal workers that fill nodes whole and one in part: 12 GPUs on
    nodes of 8 are three workers of 4.
    """
    if job.workers:
        return job.workers, job.accelerators_milli
    count = job.accelerators_milli // MILLI
    if count <= max(1, largest):
        return 1, job.accelerators_milli
    each = math.gcd(count, largest)
    return count // each, each * MILLI


def _spec(job: TraceJob, workers: int, milli: int, queue: str | None, replay: Replay) -> JobSpec:
    wanted: list[str | dict[str, object]] = [f"{kind}:{milli / MILLI:g}" for kind in job.kinds]
    if milli and not wanted:
        wanted = [{"count": milli / MILLI if milli < MILLI else milli // MILLI}]
    return JobSpec(
        queue=queue,
        run=RUN,
        workers=workers,
        resources=ResourcesSpec(
            accelerators=wanted if milli else None, cpu=f"{job.cpu_milli}m", memory=f"{job.memory_mib}MiB"
        ),
        checkpoint=None if replay.save_s is None else CheckpointSpec(interval=replay.saves_every_s),
        constraints=ConstraintsSpec(),
    )
