"""What is played: a fleet, its faults, and a list of things that happen at given times."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tauon.model.ids import NodeId
from tauon.model.job_spec import JobSpec
from tauon.model.node import Node
from tauon.model.pool import Pool
from tauon.model.queue import DEFAULT_QUEUE, Queue

NEVER_US = 2**62


class Work(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What only the world knows about a job, in seconds.

    `duration_s` is its work, undisturbed. `crashes_at_s` are points in its work at which it fails, each once. It saves
    every `saves_every_s` of running (0: never by itself) and, where `save_s` is given, at notice, which takes that
    long. An attempt that is not the first does `restart_s` of work more. `ignores_notice` runs on until the kill.
    """

    duration_s: float
    exit_code: int = 0
    crashes_at_s: tuple[float, ...] = ()
    saves_every_s: float = 0.0
    save_s: float | None = None
    restart_s: float = 0.0
    ignores_notice: bool = False


class Submit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody submits a job. `after` are the positions of earlier submits that it depends on."""

    at_us: int
    spec: JobSpec
    work: Work
    user: str = "ada"
    key: str = ""
    after: tuple[int, ...] = ()


class Cancel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody cancels the job of an earlier submit, if it is still there."""

    at_us: int
    submit: int


class Drain(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody wants no new work on a node."""

    at_us: int
    node: NodeId


class Undrain(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody returns a node to service."""

    at_us: int
    node: NodeId


class NodeAppears(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A node appears in its pool, or is there from now on with other amounts or prices."""

    at_us: int
    node: Node


class NodeVanishes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A node vanishes with all that runs on it."""

    at_us: int
    node: NodeId


Happening = Submit | Cancel | Drain | Undrain | NodeAppears | NodeVanishes


class Faults(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How often what goes wrong; rates are probabilities, 0 is a perfect world.

    `start_fails`: an attempt that was taken can't be started; `not_ready`, `refused`: an order is not taken, for now or
    for good; `reply_lost`: an order is taken or not, and the answer is an error; `no_answer`: an observation fails;
    `doubled`: an observation tells again what was told before; `amnesia`: an observation tells everything, and forgets
    what it was asked for. `late_s` is how long news takes at most, `node_lasts_s` how long a node lasts on average
    (0: for ever), `node_repair_s` how long it is away then. With `pauses`, all running work is stopped and resumed
    whenever anything happens, and loses its `restart_s` each time instead of at its own restarts (the published
    figures of Muri, SIGCOMM 2022, are of such a world).
    """

    start_fails: float = 0.0
    not_ready: float = 0.0
    refused: float = 0.0
    reply_lost: float = 0.0
    no_answer: float = 0.0
    doubled: float = 0.0
    amnesia: float = 0.0
    late_s: float = 0.0
    node_lasts_s: float = 0.0
    node_repair_s: float = 600.0
    pauses: bool = False


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A world and what happens in it, in order of time. `start_s` is how long an attempt takes from its order until it
    runs; `resync_s` is how often the loop takes a full look."""

    seed: int = 0
    start_us: int = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
    pools: tuple[Pool, ...]
    queues: tuple[Queue, ...] = (Queue(name=DEFAULT_QUEUE),)
    nodes: tuple[Node, ...] = ()
    happenings: Iterable[Happening] = ()
    faults: Faults = Faults()
    start_s: float = 1.0
    resync_s: float | None = 30.0
    until_us: int = NEVER_US
