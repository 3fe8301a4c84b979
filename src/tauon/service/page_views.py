"""What the web page is answered beside what programs are: many things at once, in the shape in which they are drawn."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from tauon.model.node import NodeState
from tauon.model.resources import CapacityType
from tauon.ports.what_if import Curve, Score
from tauon.service.views import AcceleratorView, NodeView


class _View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class EventLine(_View, frozen=True, kw_only=True):
    """One line of the journal told briefly, without its fact."""

    seq: int
    at: datetime
    type: str
    subject: str
    text: str


class CapacityView(_View, frozen=True, kw_only=True):
    """The accelerators of one type in one pool (with an empty type: its plain nodes), `total` = `used` + `idle` + `going`.

    `going` are free ones on nodes that take no new work, `coming` those of nodes that were asked for, `unhealthy` all of
    nodes whose pool does not answer; `usd_per_h` is what all of it costs.
    """

    pool: str
    accelerator: str
    nodes: int
    total: float
    used: float
    idle: float
    going: float
    coming: float
    unhealthy: float
    usd_per_h: Decimal


class Attention(_View, frozen=True, kw_only=True):
    """Something that a person should look at: what it is about (`pool`, `node`, `queue` or `job`, and its name) and why."""

    about: str
    name: str
    text: str
    since: datetime | None = None


class Overview(_View, frozen=True, kw_only=True):
    """Everything at a glance: capacity, the line, money an hour, and what needs attention.

    `jobs` counts by state, those that ended included; `longest_wait_s` is since when the first in line has been waiting.
    """

    at: datetime
    seq: int
    capacity: list[CapacityView]
    jobs: dict[str, int]
    longest_wait_s: float
    longest_waiting: str
    usd_per_h: Decimal
    idle_usd_per_h: Decimal
    attention: list[Attention]


class SignInLink(_View, frozen=True, kw_only=True):
    """A code that signs a browser in once, within so many seconds: the page takes it as `/#code=...`."""

    code: str
    within_s: int


class JobCount(_View, frozen=True, kw_only=True):
    """How many jobs a listing would have without its limit."""

    count: int


class Fleet(_View, frozen=True, kw_only=True):
    """Every accelerator, told in columns: a fleet of 100,000 is half a megabyte.

    The lists under `ids` to `usd_per_h` have an entry for each node; `pools`, `types`, `jobs` and `queues` are what the
    numbers in `pool`, `type`, `holders` and `job_queue` count in. `holders` and `utilisation` go through all nodes and, in each,
    through its accelerators (a plain node counts as one): the job that holds it (-1: nobody) and how busy it is (percent,
    -1: not measured).
    """

    at: datetime
    seq: int
    pools: list[str]
    types: list[str]
    jobs: list[str]
    queues: list[str]
    job_queue: list[int]
    ids: list[str]
    pool: list[int]
    type: list[int]
    count: list[int]
    state: list[NodeState]
    age_s: list[int]
    usd_per_h: list[float]
    holders: list[int]
    utilisation: list[int]


class NodeWork(_View, frozen=True, kw_only=True):
    """What an attempt holds on a node."""

    job: str
    name: str
    queue: str
    attempt: str
    accelerators: list[int]
    share: float
    cpu_cores: float
    memory_gib: float
    usd_per_h: Decimal
    since: datetime


class NodeDetail(_View, frozen=True, kw_only=True):
    """Everything about one node: what it is, each accelerator with its samples, and the work on it."""

    node: NodeView
    labels: dict[str, str]
    accelerators: list[AcceleratorView]
    work: list[NodeWork]
    idle_usd_per_h: Decimal


class Draft(_View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text of a job document, as YAML or JSON."""

    text: str


class PreviewPlace(_View, frozen=True, kw_only=True):
    """One way to run a job: where, at what price an hour for all its workers, and whether there is room now."""

    pool: str
    accelerator: str
    region: str
    capacity_type: CapacityType
    usd_per_h: Decimal
    has_room: bool
    message: str


class Preview(_View, frozen=True, kw_only=True):
    """What a document would become: `problem` says all that is wrong with it, or is empty. Places are in the order in
    which they are tried. `ahead` is how many equal jobs wait in its queue already."""

    problem: str
    spec: dict[str, object]
    name: str = ""
    queue: str = ""
    priority: int = 0
    request: str = ""
    workers: int = 0
    ahead: int = 0
    places: list[PreviewPlace] = []


class ReplayedWorld(_View, frozen=True, kw_only=True):
    """How one policy did: its score, its curves over time, and why submits were not taken."""

    policy: str
    score: Score
    curve: Curve
    refused: list[str]


class Replay(_View, frozen=True, kw_only=True):
    """A past played again: how much of it there was, what was left out, and a world for each policy."""

    jobs: int
    nodes: int
    accelerators: int
    skipped: list[str]
    worlds: list[ReplayedWorld]
