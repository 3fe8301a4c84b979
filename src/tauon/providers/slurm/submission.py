"""Batch scripts as Slurm wants them, and handing many of them over at once."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tauon.model.errors import Rejected
from tauon.model.node import Node
from tauon.model.resources import MILLI
from tauon.ports.providers import StartOrder
from tauon.providers.slurm.nodes import GRES, HOSTNAME
from tauon.providers.slurm.options import SlurmOptions

SPARE_S = 600  # beyond a job's own time limit, which Tauon keeps itself
_MARK = "tauon"
_SAFE = re.compile(r"[A-Za-z0-9._:-]+")


class Part(NamedTuple):
    """Nodes of a placement with equally many workers each: one component of a Slurm job."""

    nodes: tuple[str, ...]
    workers_each: int
    gres: str


def mark(instance: str, pool: str, attempt: str = "") -> str:
    """The comment that says whose a Slurm job is: this control plane's, this pool's, this attempt's."""
    return f"{_MARK}:{instance}:{pool}:{attempt}"


def parts_of(order: StartOrder) -> list[Part]:
    """The placement by number of workers on a node; the node of rank 0 is in the first. Raises Rejected."""
    counts: dict[str, int] = {}
    gres: dict[str, str] = {}
    for worker in order.attempt.placement:
        node = order.nodes.get(worker.node)
        if node is None:
            raise Rejected(f"the attempt was placed on {worker.node}, which is no node of this pool")
        if worker.accelerators and worker.share_milli != MILLI:
            raise Rejected("Slurm gives whole accelerators only; ask for 1 or more")
        name = _host(node)
        counts[name] = counts.get(name, 0) + 1
        gres[name] = node.labels.get(GRES, "")
    grouped: dict[tuple[int, str], list[str]] = {}
    for name, count in counts.items():
        grouped.setdefault((count, gres[name]), []).append(name)
    return [Part(tuple(names), count, type_) for (count, type_), names in grouped.items()]


def batch_script(
    order: StartOrder, parts: Sequence[Part], options: SlurmOptions, paths: Mapping[str, Path], comment: str
) -> str:
    """The script of one attempt. It holds nothing secret, for Slurm keeps it and shows it.

    `paths` are `program`, `order`, `output` and `folder`. The notice before a time limit goes to the supervisor.
    """
    notice_s = max(1, round(order.job.notice_s))
    shared = [
        f"--job-name={order.attempt.id}",
        f"--comment={_quoted(comment)}",
        "--no-requeue",
        f"--signal=B:TERM@{notice_s}",
        f"--output={_pattern(paths['output'])}",
        "--open-mode=append",
        f"--chdir={paths['folder']}",
        *(f"--{name}={value}" for name in ("partition", "account", "qos") if (value := getattr(options, name))),
        *options.sbatch,
    ]
    if order.job.timeout_s is not None:
        shared.append(f"--time={int(order.job.timeout_s + order.job.notice_s + SPARE_S) // 60 + 1}")
    lines = ["#!/bin/sh"]
    for number, part in enumerate(parts):
        lines += ["#SBATCH hetjob"] if number else []
        lines += [f"#SBATCH {option}" for option in (*shared, *_amounts(order, part))]
    command = [options.python, "-I", "-S", "-X", "utf8", str(paths["program"]), str(paths["order"])]
    return "\n".join([*lines, f"exec {shlex.join(command)}", ""])


def launch_of(parts: Sequence[Part]) -> list[list[str]]:
    """The commands that start one process on each node, if there are several: `@` stands for what they start.

    One for each part: what `srun` is told goes to the first component only of those that it starts.
    """
    if sum(len(part.nodes) for part in parts) == 1:
        return []
    shared = ["srun", "--quiet", "--mpi=none", "--kill-on-bad-exit=0", "--cpu-bind=none", "--ntasks-per-node=1"]
    which = [[f"--het-group={number}"] if len(parts) > 1 else [] for number in range(len(parts))]
    return [[*shared, *own, f"--nodes={len(part.nodes)}", "@"] for own, part in zip(which, parts, strict=True)]


def _amounts(order: StartOrder, part: Part) -> list[str]:
    """What each node of a part gives: Slurm knows whole cores, at least one, and its own default of memory."""
    amounts, count = order.attempt.resources, part.workers_each
    cores = max(1, -(-amounts.cpu_milli * count // MILLI))
    asked = [
        f"--nodes={len(part.nodes)}",
        f"--nodelist={','.join(part.nodes)}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={cores}",
    ]
    if amounts.memory_mib:
        asked.append(f"--mem={amounts.memory_mib * count}M")
    if amounts.disk_mib:
        asked.append(f"--tmp={amounts.disk_mib * count}M")
    gpus = amounts.accelerator_milli // MILLI * count
    if gpus:
        asked.append(f"--gres=gpu:{part.gres}:{gpus}" if part.gres else f"--gres=gpu:{gpus}")
    return asked


def _host(node: Node) -> str:
    name = node.labels.get(HOSTNAME, "")
    if not _SAFE.fullmatch(name):
        raise Rejected(f"{node.id} has no name that Slurm knows")
    return name


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'").replace("\n", " ") + '"'


def _pattern(path: Path) -> str:
    """A path in which Slurm finds nothing to fill in."""
    return _quoted(str(path).replace("%", "%%"))
