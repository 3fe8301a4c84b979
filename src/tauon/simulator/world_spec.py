"""The document that describes a world: its fields, and what is accepted in each."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from tauon.model.job_spec import NAME, Cores, JobSpec, Memory
from tauon.model.quantity import parse_accelerators, parse_duration_s
from tauon.model.queue import HALF_LIFE_S
from tauon.model.resources import MILLI, CapacityType
from tauon.service.queue_settings import STRICT, Duration, HalfLife, Price, QueueSettings, check_tree

RUN = "simulated"
Rate = Annotated[float, Field(ge=0, le=1)]


def _optional_duration(value: object) -> object:
    return None if value is None else parse_duration_s(value)


MaybeDuration = Annotated[float | None, BeforeValidator(_optional_duration)]


class _Settings(BaseModel):
    model_config = STRICT


class NodesSettings(_Settings):
    """Nodes of one shape."""

    count: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """How many."""
    accelerators: str = ""
    """What each has, such as H100:8."""
    cpu: Cores = 64
    """Cores of each."""
    memory: Memory = 512
    """Memory of each, in GiB."""
    disk: Memory = 0
    """Disk of each, in GiB."""

    @field_validator("accelerators")
    @classmethod
    def _whole(cls, value: str) -> str:
        found = parse_accelerators(value or None)
        if any(not one.type or one.milli % MILLI for one in found):
            raise ValueError(f"a node has a whole number of accelerators of one type, such as H100:8, not {value!r}")
        return value


class WorldPool(_Settings):
    """A pool and its nodes."""

    name: Annotated[str, Field(pattern=NAME)]
    """Its name."""
    nodes: Annotated[list[NodesSettings], Field(min_length=1)]
    """Its nodes, each entry one shape."""
    region: str = ""
    """Where it is."""
    residency: list[str] = []
    """Residency labels, such as eu."""
    capacity_type: CapacityType = CapacityType.OWNED
    """owned, reserved, on-demand or spot."""
    prices_usd_per_h: dict[str, Price] = {}
    """Dollars an hour for one accelerator of each type, for `cpu` (one core) and `memory_gib` (one GiB)."""
    keep_idle: MaybeDuration = None
    """Its nodes are rented, and given back when they have been idle for this long; left out: they stay."""


class SavingSettings(_Settings):
    """How work saves, and what a restart costs it."""

    save: MaybeDuration = None
    """It saves at notice, and takes this long; left out: it does not, and what is preempted is lost."""
    saves_every: Duration = 0
    """It saves each time that it has run this long; 0: never by itself."""
    restart: Duration = 0
    """Work that every attempt but the first does in addition."""


class JobsSettings(SavingSettings):
    """A job, or several alike."""

    lasts: Duration
    """Its work, undisturbed."""
    job: JobSpec = JobSpec(run=RUN)
    """The job document; `run` may be left out."""
    at: Duration = 0
    """When it is submitted, from the start."""
    times: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """How many are submitted."""
    every: Duration = 0
    """How long after one another."""
    user: str = "ada"
    """Who submits it."""
    exit_code: int = 0
    """With what it ends."""
    crashes_at: list[Duration] = []
    """Points in its work at which it fails, each once."""
    ignores_notice: bool = False
    """Whether it runs on until the kill."""

    @field_validator("job", mode="before")
    @classmethod
    def _run(cls, value: object) -> object:
        return {"run": RUN, **value} if isinstance(value, dict) else value


class TraceSettings(SavingSettings):
    """A trace file."""

    file: str
    """Its path, from the folder of this file."""
    gpu_only: bool = False
    """Leave out jobs that ask for no GPU."""
    speed: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """How much closer together the arrivals are."""


class LastsSettings(_Settings):
    """How long jobs of a stream last: log-normal."""

    median: Duration = 1800.0
    """Half of them are shorter."""
    p90: Duration = 14_400.0
    """Nine in ten are shorter."""

    @model_validator(mode="after")
    def _ordered(self) -> LastsSettings:
        if not 0 < self.median <= self.p90:
            raise ValueError("the median is more than nothing, and p90 not below it")
        return self


class StreamSettings(SavingSettings):
    """Jobs made by chance: they come independently of each other, and most are small and short."""

    jobs: Annotated[int, Field(ge=1, le=10_000_000)]
    """How many."""
    per_hour: Annotated[float, Field(gt=0, le=1e9)]
    """How many come in an hour on average."""
    accelerators: dict[str, Annotated[float, Field(gt=0)]] = {"1": 0.7, "2": 0.1, "4": 0.1, "8": 0.1}
    """How many accelerators a job asks for, each number with its weight; more than a node has are spread over several."""
    kinds: list[str] = []
    """Acceptable accelerator types, best first; none: any."""
    lasts: LastsSettings = LastsSettings()
    """How long they last."""
    queues: dict[str, Annotated[float, Field(gt=0)]] = {}
    """The queues that they come to, each with its weight."""
    users: Annotated[int, Field(ge=1, le=100_000)] = 8
    """How many people submit them."""

    @field_validator("accelerators")
    @classmethod
    def _numbers(cls, value: dict[str, float]) -> dict[str, float]:
        for count in value:
            parse_accelerators({"count": count})
        return value


class EventSettings(_Settings):
    """Something that somebody does or that happens to a node; exactly one of the fields besides `at`."""

    at: Duration
    """When, from the start."""
    cancel: str = ""
    """The name of a job of `jobs`: all of that name are cancelled."""
    resize: str = ""
    """The name of a job of `jobs`: one of that name ends, and goes on with the resources of `to`."""
    to: dict[str, Any] = {}
    """With `resize`: what its workers ask for from then on, as `resources` of a job."""
    drain: str = ""
    """A node that gets no new work; nodes are called POOL-NUMBER, from 0."""
    undrain: str = ""
    """A node that gets work again."""
    vanish: str = ""
    """A node that is gone, with all that runs on it."""
    back: str = ""
    """A node that vanished and is there again."""

    @model_validator(mode="after")
    def _one(self) -> EventSettings:
        done = [name for name in ("cancel", "resize", "drain", "undrain", "vanish", "back") if getattr(self, name)]
        if len(done) != 1:
            raise ValueError("exactly one of cancel, resize, drain, undrain, vanish and back")
        if bool(self.to) != (done == ["resize"]):
            raise ValueError("`to` belongs to `resize`, and `resize` needs it")
        return self


class FaultSettings(_Settings):
    """What goes wrong; shares are probabilities."""

    start_fails: Rate = 0.0
    """An attempt can't be started."""
    not_ready: Rate = 0.0
    """An order is not taken for now."""
    refused: Rate = 0.0
    """The pool has nothing left for an order."""
    reply_lost: Rate = 0.0
    """An order is taken or not, and the answer is an error."""
    no_answer: Rate = 0.0
    """The pool does not answer."""
    doubled: Rate = 0.0
    """The pool tells again what it told before."""
    amnesia: Rate = 0.0
    """The pool tells everything anew."""
    late: Duration = 0
    """How late news is at most."""
    node_lasts: Duration = 0
    """How long a node lasts on average; 0: for ever."""
    node_repair: Duration = 600.0
    """How long a node is away then."""


class WorldSpec(_Settings):
    """A world: its fleet, its queues, its work, and what may go wrong."""

    name: str = ""
    """What it is called; the file's name when left out."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The seed of faults and of generated work."""
    until: MaybeDuration = None
    """Stop after this much virtual time; left out: when all work is done."""
    policies: list[str] = []
    """What to play it under, one after the other."""
    start_takes: Duration = 0
    """How long an attempt takes from its order until it runs."""
    pools: Annotated[list[WorldPool], Field(min_length=1)]
    """The pools."""
    queues: list[QueueSettings] = []
    """The queues; `default` is always there."""
    half_life: HalfLife = HALF_LIFE_S
    """How fast what a queue used in the past stops counting against it."""
    jobs: list[JobsSettings] = []
    """Jobs, one by one."""
    trace: TraceSettings | None = None
    """Jobs of a trace."""
    stream: StreamSettings | None = None
    """Jobs made by chance."""
    events: list[EventSettings] = []
    """What somebody does, and what happens to nodes."""
    faults: FaultSettings = FaultSettings()
    """What goes wrong."""

    @model_validator(mode="after")
    def _whole(self) -> WorldSpec:
        names = [pool.name for pool in self.pools]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"pools: listed twice: {', '.join(twice)}")
        check_tree(self.queues)
        known = {entry.job.name for entry in self.jobs}
        for event in self.events:
            named = event.cancel or event.resize
            if named and named not in known:
                raise ValueError(f"events: there is no job called {named!r} in `jobs`")
        if (self.trace or self.stream) and any(event.cancel or event.resize for event in self.events):
            raise ValueError("events: what is in `jobs` can be cancelled and resized only where there is no other work")
        if not (self.jobs or self.trace or self.stream):
            raise ValueError("there is no work: give `jobs`, a `trace` or a `stream`")
        return self
