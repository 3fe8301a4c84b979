"""A world made of a trace: its jobs as they were submitted, on its own cluster or on any other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tauon.model.errors import InvalidRequest
from tauon.model.job_spec import QUEUE
from tauon.ports.what_if import Question
from tauon.simulator.fleet import nodes_in_short, pools_of
from tauon.simulator.scenario import NEVER_US, Happening
from tauon.simulator.traces.formats import Trace
from tauon.simulator.traces.job import Skipped
from tauon.simulator.workload import Replay, largest_node, submits
from tauon.simulator.world import START_US, World, queues_named

MOST_QUEUES = 10_000


def world_of_trace(question: Question) -> World:
    """The world of a trace file. Raises InvalidSpec for what is wrong in it, InvalidRequest where nodes are missing."""
    trace = Trace(Path(question.source))
    nodes = nodes_in_short(question.nodes) if question.nodes else trace.nodes()
    if not nodes:
        raise InvalidRequest(
            f"{question.source} ({trace.format}) does not tell which nodes there were: say --nodes TYPE:GPUSxNODES, "
            "for example --nodes A100:8x64"
        )
    found = {job.queue for job in trace.jobs() if re.fullmatch(QUEUE, job.queue)}
    queues = sorted(found) if len(found) <= MOST_QUEUES else []
    replay = Replay(
        start_us=START_US, largest=largest_node(nodes), queues=frozenset(queues), gpu_only=question.gpu_only
    )
    cpu_only = sum(not job.accelerators_milli for job in trace.jobs()) if question.gpu_only else 0

    def happenings() -> Iterator[Happening]:
        return submits(trace.jobs(), trace.first_us, replay)

    return World(
        name=Path(question.source).name,
        source=question.source,
        format=trace.format,
        pools=pools_of(nodes),
        queues=queues_named(queues),
        nodes=tuple(nodes),
        happenings=happenings,
        jobs=trace.count - cpu_only,
        seed=question.seed or 0,
        until_us=NEVER_US if question.until_s is None else START_US + round(question.until_s * 1e6),
        skipped=skips(trace.skipped, cpu_only),
    )


def skips(skipped: Skipped, cpu_only: int) -> tuple[str, ...]:
    """What was left out, a sentence for each reason."""
    told = [f"{n:,}: {reason} (first at {skipped.first[reason]})" for reason, n in skipped.counts.most_common()]
    return (*told, *([f"{cpu_only:,}: no GPU asked for"] if cpu_only else []))
