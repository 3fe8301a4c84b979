"""What the use cases answer: flat, typed values with the times, units and sentences that people and programs read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from tauon.model.attempt import Outcome
from tauon.model.job import JobState
from tauon.model.node import NodeState
from tauon.model.plan import WaitCode
from tauon.model.pool import Capabilities
from tauon.model.resources import CapacityType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_us: int) -> datetime:
    """Microseconds since the epoch as a time in UTC."""
    return _EPOCH + timedelta(microseconds=at_us)


def moment_or_none(at_us: int | None) -> datetime | None:
    """The same, where the time may be missing."""
    return None if at_us is None else moment(at_us)


class _View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class JobView(_View, frozen=True, kw_only=True):
    """A job in a list. `request` is what it asks for and `where` what it holds and where, as short texts.

    `pool` and `nodes` name the place that it holds; they are empty when it holds none.
    """

    id: str
    name: str
    state: JobState
    queue: str
    user: str
    priority: int
    workers: int
    request: str
    where: str
    attempts: int
    preemptions: int
    retries: int
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    message: str
    labels: dict[str, str]
    pool: str = ""
    nodes: list[str] = []


class AttemptView(_View, frozen=True, kw_only=True):
    """One try of a job. `accelerators` tells for each rank the node and the indices there."""

    id: str
    number: int
    state: str
    pool: str
    accelerator: str
    workers: list[str]
    placed_at: datetime
    running_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    stop_cause: str
    exit_codes: list[int | None]
    message: str


class RunTimeView(_View, frozen=True, kw_only=True):
    """How long a job that has not ended still runs once it has a place, as jobs like it did: nine in ten run longer
    than `low_s`, one in two than `middle_s`, one in ten than `high_s`.

    `jobs` of its queue, size, user and name were learnt from; where there are none, those that are most like it.
    Of the latest jobs, the time foretold at their start was `error_ratio` times too long or too short, typically; a
    share `coverage` of them ended within their `high_s`; and `skill` is the part of the loss saved against taking all
    jobs for alike (0: no better, 1: perfect). These three are None until a job that was foretold has ended.
    """

    low_s: float
    middle_s: float
    high_s: float
    jobs: int
    error_ratio: float | None = None
    coverage: float | None = None
    skill: float | None = None


class JobDetail(_View, frozen=True, kw_only=True):
    """Everything about one job: the summary, the document as submitted, its attempts, its cost so far."""

    job: JobView
    spec: dict[str, object]
    attempts: list[AttemptView]
    accelerator_hours: float
    cost_usd: Decimal
    waited_s: float
    run_time: RunTimeView | None = None


class PoolReason(_View, frozen=True, kw_only=True):
    """Why one pool does not take a job now."""

    pool: str
    message: str


class Explanation(_View, frozen=True, kw_only=True):
    """Why a job is where it is: a sentence, the place in line, and for each pool what is missing; for one that waits,
    in how many seconds it is expected to start if nothing else comes, after whose ends, or why that can't be said."""

    job: str
    state: JobState
    code: WaitCode | None
    message: str
    ahead: int
    waits_for: list[str]
    pools: list[PoolReason]
    run_time: RunTimeView | None = None
    starts_in_s: float | None = None
    starts_after: list[str] = []
    start_unknown: str = ""


class NodeView(_View, frozen=True, kw_only=True):
    """A node: what it has, what is free, who holds it, what it costs an hour."""

    id: str
    pool: str
    state: NodeState
    accelerator: str
    accelerators: int
    accelerators_free: float
    cpu_cores: float
    cpu_free: float
    memory_gib: float
    memory_free_gib: float
    capacity_type: CapacityType
    region: str
    price_usd_per_h: Decimal
    virtual: bool
    jobs: list[str]
    ready_at: datetime
    message: str


class PoolView(_View, frozen=True, kw_only=True):
    """A pool: its totals and whether its provider answers. `message` is empty when all is well."""

    name: str
    provider: str
    region: str
    residency: list[str]
    capacity_type: CapacityType
    nodes: int
    accelerators: dict[str, int]
    accelerators_free: dict[str, float]
    price_usd_per_h: Decimal
    capabilities: Capabilities
    message: str


class QueueView(_View, frozen=True, kw_only=True):
    """A queue with all below it: what it holds now and what waits, its share now, on average of late, and as its due.

    Amounts of accelerators are by type; `borrowed` is what it holds above its guarantee, `maximum` what it may hold at
    most. `message` says what is guaranteed and not there.
    """

    name: str
    weight: float
    priority: int
    waiting: int
    running: int
    accelerators_held: float
    share: float
    fair_share: float
    recent_share: float = 0.0
    held: dict[str, float] = {}
    guarantee: dict[str, float] = {}
    maximum: dict[str, float] = {}
    borrowed: dict[str, float] = {}
    usd_per_h: Decimal = Decimal(0)
    max_usd_per_h: Decimal | None = None
    message: str = ""


class UsageLine(_View, frozen=True, kw_only=True):
    """What one queue, user, job or pool held in the window, and what it cost."""

    key: str
    name: str
    accelerator_hours: float
    cpu_hours: float
    memory_gib_hours: float
    cost_usd: Decimal


class UsageReport(_View, frozen=True, kw_only=True):
    """The bill of a window: `capacity_usd` = `work_usd` + `idle_usd`, exactly before rounding."""

    by: str
    from_at: datetime
    to_at: datetime
    lines: list[UsageLine]
    work_usd: Decimal
    idle_usd: Decimal
    capacity_usd: Decimal
    idle_accelerator_hours: float


class CostLine(_View, frozen=True, kw_only=True):
    """One line of the bill: what was held, what that cost, and its part of idle time and overhead.

    `cost_usd` is the sum of the three, rounded once.
    """

    key: str
    name: str
    accelerator_hours: float
    cpu_hours: float
    memory_gib_hours: float
    work_usd: Decimal
    idle_usd: Decimal
    overhead_usd: Decimal
    cost_usd: Decimal


class CostReport(_View, frozen=True, kw_only=True):
    """The bill of a window: `total_usd` = `work_usd` + `idle_usd` + `overhead_usd`, exactly before rounding.

    `unallocated_usd` is the idle time and overhead that stands on no line. `others` counts the lines that were summed
    up in the last one.
    """

    by: str
    split: str
    from_at: datetime
    to_at: datetime
    lines: list[CostLine]
    others: int
    work_usd: Decimal
    idle_usd: Decimal
    overhead_usd: Decimal
    unallocated_usd: Decimal
    total_usd: Decimal
    accelerator_hours: float
    idle_accelerator_hours: float


class WasteView(_View, frozen=True, kw_only=True):
    """Accelerators (`NODE/INDEX`) that a job holds and does little with, since when at least, what they cost a day, and what to do.

    `waste` is no process, idle, hoarded memory, small kernels or starved input.
    """

    waste: str
    job: str
    name: str
    queue: str
    user: str
    pool: str
    accelerators: list[str]
    since: datetime
    usd_per_day: Decimal
    advice: str


class BudgetView(_View, frozen=True, kw_only=True):
    """A budget: what of it is spent, what is expected by the end of its period, and when it will be spent if before that.

    Amounts are dollars or accelerator-hours, as `unit` says. `outcome` is within, ahead (it will be spent too early) or
    spent. `passed` are the thresholds that are, such as `actual 80%`
    and `forecast 100%`, and `warnings` say the same in words.
    """

    queue: str
    period: str
    unit: str
    amount: Decimal
    spent: Decimal
    share: float
    expected: Decimal
    expected_share: float
    outcome: str
    hard: bool
    stop: bool
    begins_at: datetime
    ends_at: datetime
    breach_at: datetime | None
    passed: list[str]
    warnings: list[str]


class DemandReport(_View, frozen=True, kw_only=True):
    """Accelerators that work held, on average in each hour of a window that begins at `from_at`, by type."""

    from_at: datetime
    hours: int
    hourly: dict[str, list[float]]


class FocusExport(_View, frozen=True, kw_only=True):
    """The bill in the columns of FOCUS: a row for each day, node, payer and part of the node."""

    version: str
    from_at: datetime
    to_at: datetime
    columns: list[str]
    rows: list[list[str]]


class AcceleratorView(_View, frozen=True, kw_only=True):
    """One accelerator now: who holds it and what it does; None where it can't be measured (virtual ones)."""

    node: str
    index: int
    type: str
    job: str
    utilisation_pct: float | None
    memory_used_mib: int | None
    memory_total_mib: int | None
    power_w: float | None
    temperature_c: float | None


class RunningView(_View, frozen=True, kw_only=True):
    """One running attempt and what its processes use."""

    job: str
    name: str
    queue: str
    attempt: str
    accelerators: float
    cpu_cores: float
    memory_mib: int
    running_s: float


class Top(_View, frozen=True, kw_only=True):
    """What is going on at this moment."""

    at: datetime
    waiting: int
    running: int
    accelerators: list[AcceleratorView]
    attempts: list[RunningView]
    cost_usd_per_h: Decimal
    idle_usd_per_h: Decimal


class EventView(_View, frozen=True, kw_only=True):
    """One line of the journal, with a sentence that tells it."""

    seq: int
    at: datetime
    type: str
    subject: str
    text: str
    fact: msgspec.Raw


class ServerInfo(_View, frozen=True, kw_only=True):
    """Which server this is, and who it takes you for."""

    version: str
    instance: str
    user: str
    database: str
    seq: int


class Submitted(_View, frozen=True, kw_only=True):
    """A durable submit. `existing` says that the same key was used before and this is that job."""

    id: str
    name: str
    existing: bool = False
