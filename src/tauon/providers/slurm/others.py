"""What others than this pool hold of Slurm's nodes: all that is taken there, less what our own jobs have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tauon.model.resources import MILLI, Resources
from tauon.providers.slurm.listing import JobRow, NodeRow, Stage, gpus_of

_UNITS_MIB = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "": 1 / 1024**2}
_SIZE = re.compile(r"([0-9.]+)([KMGT]?)")
Held = Mapping[str, Resources]


class Strangers:
    """Keeps what others hold, by node. Nodes and jobs are listed one after the other, so that what starts or ends in between
    seems to be somebody else's for a moment: only what two looks in a row agree on is believed."""

    def __init__(self) -> None:
        self.held: Held = {}
        self._before: Held = {}

    def look(self, nodes: Iterable[NodeRow], jobs: Iterable[JobRow]) -> None:
        """Take note of one look at both."""
        seen = others(nodes, jobs)
        self.held = {
            name: amounts if self._before.get(name) == amounts else self.held.get(name, Resources())
            for name, amounts in seen.items()
        }
        self._before = seen


def others(nodes: Iterable[NodeRow], jobs: Iterable[JobRow]) -> dict[str, Resources]:
    """By node, what is taken beyond our jobs' part."""
    ours: dict[str, Resources] = {}
    for job in jobs:
        if job.stage is Stage.RUNNING:
            for name, amounts in held_by(job):
                ours[name] = ours.get(name, Resources()) + amounts
    return {node.name: _beyond(node, ours.get(node.name, Resources())) for node in nodes}


def held_by(job: JobRow) -> Iterator[tuple[str, Resources]]:
    """What a job of ours has on each of its nodes, all of which have the same."""
    names = list(host_names(job.nodes))
    given = dict(part.split("=", 1) for part in job.amounts.split(",") if "=" in part)
    cores = given.get("cpu", "0")
    gpus = sum(gpus_of(job.gres.removeprefix("gres:").removeprefix("gres/")).values())
    for name in names:
        yield (
            name,
            Resources(
                accelerator_milli=gpus * MILLI,
                cpu_milli=int(cores) * MILLI // len(names) if cores.isdigit() else 0,
                memory_mib=round(_mib(given.get("mem", "")) / len(names)),
            ),
        )


def host_names(text: str) -> Iterator[str]:
    """`n[1-3,07],gpu1` is n1, n2, n3, n07 and gpu1 (see Slurm's hostlist; one bracket in a name)."""
    for prefix, ranges, suffix in re.findall(r"([^,\[\]]+)(?:\[([^\]]*)\]([^,\[\]]*))?", text):
        if not ranges:
            yield prefix
        for part in filter(None, ranges.split(",")):
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield f"{prefix}{number:0{len(first)}d}{suffix}"


def _beyond(node: NodeRow, ours: Resources) -> Resources:
    return Resources(
        accelerator_milli=max(0, node.gpus_used * MILLI - ours.accelerator_milli),
        cpu_milli=max(0, node.cpus_used * MILLI - ours.cpu_milli),
        memory_mib=max(0, node.memory_used_mib - ours.memory_mib),
    )


def _mib(text: str) -> float:
    found = _SIZE.fullmatch(text)
    return float(found[1]) * _UNITS_MIB[found[2]] if found else 0.0
