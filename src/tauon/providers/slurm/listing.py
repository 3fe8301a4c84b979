"""What squeue, sinfo and sacct print, read line by line: fields apart by `|`, free text last, odd lines passed over."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import NamedTuple

SQUEUE = "JobID:0|,HetJobOffset:0|,State:0|,tres-alloc:0|,tres-per-node:0|,NodeList:0|,Reason:0|,Comment:0"
SINFO = (
    "NodeList:0|,StateComplete:0|,CPUsState:0|,Memory:0|,AllocMem:0|,Disk:0|,Gres:0|,GresUsed:0|,NodeAddr:0|,Reason:0"
)
SACCT = "JobIDRaw,State,JobName"
_GRES = re.compile(r"(?:^|,)gpu(?::([^:(,]+))??:(\d+)(?:\([^)]*\))?")


class Stage(enum.StrEnum):
    """How far Slurm is with a job."""

    WAITING = "waiting"
    RUNNING = "running"
    OVER = "over"


_WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
_RUNNING = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING", "COMPLETING"})


class JobRow(NamedTuple):
    """One job as Slurm lists it. `part` is the component of a heterogeneous job, else 0; `amounts` are what it has in
    all (`cpu=6,mem=200M`), `gres` on each of its nodes. The
    `name` is told of past jobs only, whose numbers may have been given out again."""

    id: int
    part: int
    state: str
    reason: str
    comment: str = ""
    nodes: str = ""
    amounts: str = ""
    gres: str = ""
    name: str = ""

    @property
    def stage(self) -> Stage:
        """A job that completes may have processes still, until Slurm has killed the last."""
        if self.state in _WAITING:
            return Stage.WAITING
        return Stage.RUNNING if self.state in _RUNNING else Stage.OVER


class NodeRow(NamedTuple):
    """One node as Slurm lists it; memory and disk in MiB. The used amounts are everybody's."""

    name: str
    state: str
    cpus: int
    cpus_used: int
    memory_mib: int
    memory_used_mib: int
    disk_mib: int
    gpus: dict[str, int]
    gpus_used: int
    address: str
    reason: str


def job_rows(text: str) -> Iterator[JobRow]:
    """The lines of `squeue -O SQUEUE`."""
    for line in text.splitlines():
        fields = line.split("|", 7)
        if len(fields) == 8 and fields[0].isdigit():
            part = int(fields[1]) if fields[1].isdigit() else 0
            yield JobRow(int(fields[0]), part, fields[2], fields[6], fields[7].strip(), fields[5], fields[3], fields[4])


def past_rows(text: str) -> Iterator[JobRow]:
    """The lines of `sacct -P -n -X -o SACCT`; `CANCELLED by 0` is a state and whose doing it was."""
    for line in text.splitlines():
        fields = line.split("|", 2)
        if len(fields) == 3 and fields[0].isdigit():
            state, _, who = fields[1].partition(" ")
            yield JobRow(int(fields[0]), 0, state, who, name=fields[2])


def completion_rows(text: str) -> Iterator[JobRow]:
    """The lines of the job completion log (`jobcomp/filetxt`): NAME=VALUE, of which id, name and state are needed."""
    for line in text.splitlines():
        found = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if found.get("JobId", "").isdigit() and "JobState" in found:
            yield JobRow(int(found["JobId"]), 0, found["JobState"], "", name=found.get("Name", ""))


def node_rows(text: str) -> Iterator[NodeRow]:
    """The lines of `sinfo -N -O SINFO`: a node in several partitions has several; each node comes once."""
    seen = set()
    for line in text.splitlines():
        fields = line.split("|", 9)
        if len(fields) < 10 or fields[0] in seen:
            continue
        name, state, cpus, memory, used, disk, gres, gres_used, address, reason = (field.strip() for field in fields)
        counts = cpus.split("/")
        if len(counts) != 4 or not all(map(str.isdigit, (*counts, memory, used, disk))):
            continue
        seen.add(name)
        yield NodeRow(
            name=name,
            state=state,
            cpus=int(counts[3]),
            cpus_used=int(counts[0]),
            memory_mib=int(memory),
            memory_used_mib=int(used),
            disk_mib=int(disk),
            gpus=gpus_of(gres),
            gpus_used=sum(gpus_of(gres_used).values()),
            address=address,
            reason="" if reason == "none" else reason,
        )


def gpus_of(gres: str) -> dict[str, int]:
    """GPUs by Slurm's type ("" where it has none): `gpu:h100:8(S:0-1),shard:64` is 8 of `h100`."""
    found: dict[str, int] = {}
    for type_, count in _GRES.findall(gres):
        found[type_] = found.get(type_, 0) + int(count)
    return found
