"""What the server tells a supervisor, and what the supervisor tells of itself: plain values that travel as JSON."""

from __future__ import annotations

import enum
from typing import NotRequired, TypedDict

STATUS_VERSION = 1


class CgroupOrder(TypedDict):
    """A control group to make, to set (file and value, in this order), to enter and to remove afterwards."""

    path: str
    settings: list[tuple[str, str]]


class WorkerOrder(TypedDict):
    """One worker: its folder and variables, its control groups, where out-of-memory kills of it are counted.

    `accelerators` is how many of its machine's it gets, where the engine says there which these are; `host` is the
    engine's name of that machine, where there can be several.
    """

    folder: str
    env: dict[str, str]
    cgroups: list[CgroupOrder]
    oom_file: str
    memory_mib: int
    accelerators: int
    host: str


class SupervisionOrder(TypedDict):
    """Everything that a supervisor needs to know; it holds secrets, so it is never written to a disk.

    `root` is the provider's folder. `workdir` (an archive), `setup` and `checkpoint_link` may be empty. `launch` are the
    commands that together start another one once on each machine of the attempt, joined to us by their standard input
    and output; `@` in them stands for that other one. There are none where all workers are on this machine.
    """

    attempt: str
    root: str
    setup: str
    run: str
    workdir: str
    inputs: dict[str, str]
    checkpoint: str
    checkpoint_link: str
    signal: str
    notice_s: float
    failure_grace_s: float
    leftover_grace_s: float
    log_segment_bytes: int
    log_segments: int
    workers: list[WorkerOrder]
    launch: list[list[str]]


class StopNote(TypedDict):
    """An order to stop: the signal that is the notice, and seconds until the kill (0: at once)."""

    signal: str
    notice_s: float


class Reply(TypedDict):
    """The answer to an order: whether the attempt is in hands (by this order or one before), else what is wrong."""

    is_taken: bool
    message: str


class Phase(enum.StrEnum):
    """As in the port; a supervisor can't import it."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


class Ending(enum.StrEnum):
    """As in the port."""

    EXITED = "exited"
    LOST = "lost"
    NOT_STARTED = "not-started"


class ProcessStatus(TypedDict):
    """A process by its identity: id, start in ticks since boot, and the boot."""

    pid: int
    started: int
    boot: str


class Status(TypedDict):
    """How far an attempt is; `revision` grows with every change. `exits` and `workers` are by rank.

    `told_to_end` is there when the machine or its engine wanted it to end before any order of the server did.
    """

    version: int
    attempt: str
    revision: int
    phase: str
    ending: str
    exits: list[int | None]
    failed_rank: int | None
    message: str
    supervisor: ProcessStatus
    workers: list[ProcessStatus]
    cgroups: list[str]
    told_to_end: NotRequired[bool]
