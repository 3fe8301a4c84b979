"""The job document that people write: its fields, what is accepted in each, and the JSON Schema that describes it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tauon.model.money import usd_per_h_to_micro
from tauon.model.quantity import (
    parse_accelerators,
    parse_cpu_milli,
    parse_duration_s,
    parse_memory_mib,
    parse_time_us,
)
from tauon.model.resources import CapacityType

NAME = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
QUEUE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}(/[A-Za-z0-9][A-Za-z0-9._-]{0,62}){0,7}$"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?")
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")


def _checked(parse: Any) -> BeforeValidator:
    """Keep what was written, once `parse` has accepted it: the document stays as its author knows it."""

    def check(value: object) -> object:
        parse(value)
        return value

    return BeforeValidator(check)


Duration = Annotated[
    int | float | str, _checked(parse_duration_s), Field(description="seconds, or 90s, 15m, 1h30m, 2d")
]
Memory = Annotated[int | float | str, _checked(parse_memory_mib), Field(description="GiB, or 512MiB, 16GB, 1TiB")]
Cores = Annotated[int | float | str, _checked(parse_cpu_milli), Field(description="cores: 4, 0.5 or 500m")]
Price = Annotated[int | float | str, _checked(usd_per_h_to_micro), Field(description="US dollars an hour")]


class _Document(BaseModel):
    # Built when first used: most commands name this type and never read a document.
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True, defer_build=True
    )


class ResourcesSpec(_Document):
    """What each worker asks for."""

    accelerators: str | dict[str, Any] | list[str | dict[str, Any]] | None = None
    """`H100:8`; a share, `H100:0.5`; a requirement, `{memory_gib: ">=40", count: 2}`; or a list, best first."""
    cpu: Cores | None = None
    """Cores for each worker, also its limit where the pool can; left out, one is counted and nothing is limited."""
    memory: Memory = "0"
    """Memory for each worker; 0 asks for none in particular and sets no limit."""
    disk: Memory = "0"
    """Disk for each worker."""

    @field_validator("accelerators", mode="before")
    @classmethod
    def _accelerators(cls, value: object) -> object:
        parse_accelerators(value)
        return value


class CheckpointSpec(_Document):
    """How the job saves its work, so that its next attempt goes on from there."""

    path: str = "checkpoint"
    """Folder, given to the job as TAUON_CHECKPOINT_DIR; the same for all attempts of the job."""
    interval: Duration = 0
    """How often the job saves, so that the planner knows what a preemption would lose; 0: only at notice."""
    notice_s: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """Seconds between the notice and the kill."""
    signal: Literal["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"] = "SIGTERM"
    """The signal that is the notice."""

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/") or not value:
            raise ValueError("a folder below the job's own, such as checkpoint, without .. and not absolute")
        return value


class RetriesSpec(_Document):
    """How often the job is tried again, by cause. Preemption never uses a retry up."""

    failed: Annotated[int, Field(ge=0, le=100)] = 0
    """A worker exited with an error."""
    lost: Annotated[int, Field(ge=0, le=100)] = 3
    """Its node or its process vanished."""
    start: Annotated[int, Field(ge=0, le=100)] = 3
    """It could not be started."""
    timeout: Annotated[int, Field(ge=0, le=100)] = 0
    """It ran past its time limit."""
    backoff: Duration = 1
    """Wait before the first retry; it doubles each time, up to ten minutes."""


class ConstraintsSpec(_Document):
    """Where the job may run; what is left out allows everything."""

    pools: list[str] = []
    """Only these pools."""
    regions: list[str] = []
    """Only these regions."""
    residency: list[str] = []
    """Only pools that carry at least one of these residency labels."""
    capacity_types: list[CapacityType] = []
    """Only these: owned, reserved, on-demand, spot."""


class JobSpec(_Document):
    """A job: a gang of equal workers that runs to completion."""

    name: Annotated[str, Field(pattern=NAME)] = "job"
    """A name for people; it need not be unique."""
    queue: Annotated[str, Field(pattern=QUEUE)] | None = None
    """The queue it waits in, such as `research/vision`; `default` when left out."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    """Higher goes first, and only a higher one may preempt; the queue's own when left out."""
    workers: Annotated[int, Field(ge=1, le=100_000)] = 1
    """How many workers start together: all or none."""
    resources: ResourcesSpec = ResourcesSpec()
    """What each worker asks for."""
    setup: str | None = None
    """Shell commands run before `run` on each worker."""
    run: Annotated[str, Field(min_length=1)]
    """Shell commands that are the job."""
    env: dict[str, str] = {}
    """Environment variables."""
    secrets: list[str] = []
    """Names of stored secrets; each becomes an environment variable of that name."""
    workdir: str | None = None
    """A folder on the submitter's machine, uploaded at submit (stored as `blob:SHA256`)."""
    inputs: dict[str, str] = {}
    """Absolute paths on the pool's machines by name; each is there as `inputs/NAME` in the work folder."""
    checkpoint: CheckpointSpec | None = None
    """How the job saves its work."""
    retries: RetriesSpec = RetriesSpec()
    """How often the job is tried again."""
    timeout: Duration | None = None
    """Longest time that one attempt may run."""
    deadline: str | None = None
    """When it should be done: ISO 8601 with zone, or a duration from now. Nearer ones go first among equals."""
    max_price: Price | None = None
    """The most that one accelerator (or one core, if it asks for none) may cost an hour."""
    constraints: ConstraintsSpec = ConstraintsSpec()
    """Where it may run."""
    labels: dict[str, str] = {}
    """Key and value pairs to find and to bill it by."""
    depends_on: list[str] = []
    """Ids of jobs that must succeed first."""

    @field_validator("workers", mode="before")
    @classmethod
    def _workers(cls, value: object) -> object:
        if isinstance(value, str) and ".." in value:
            raise ValueError("a range of workers (an elastic job) can't be run yet; give one number")
        return value

    @field_validator("env", mode="before")
    @classmethod
    def _env(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        for name in value:
            _variable(str(name))
        return {k: v if isinstance(v, str) else _plain(k, v) for k, v in value.items()}

    @field_validator("secrets")
    @classmethod
    def _secrets(cls, value: list[str]) -> list[str]:
        for name in value:
            _variable(name)
        return value

    @field_validator("labels")
    @classmethod
    def _labels(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            if not _LABEL.fullmatch(key) or (text and not _LABEL.fullmatch(text)):
                raise ValueError(f"{key}={text}: labels are up to 63 letters, digits, '.', '_', '/' and '-'")
        return value

    @field_validator("inputs")
    @classmethod
    def _inputs(cls, value: dict[str, str]) -> dict[str, str]:
        for name, path in value.items():
            if not re.fullmatch(NAME, name):
                raise ValueError(f"{name!r} can't be the name of an input")
            if "://" in path and not path.startswith("file:///"):
                raise ValueError(f"{path}: only paths on the pool's own machines can be inputs yet, no URLs")
            if not path.removeprefix("file://").startswith("/"):
                raise ValueError(f"{path}: an input is an absolute path on the pool's machines")
        return value

    @field_validator("deadline", mode="before")
    @classmethod
    def _deadline(cls, value: object) -> object:
        if value is None:
            return None
        parse_time_us(value, 0)
        return value.isoformat() if isinstance(value, datetime) else str(value)

    @model_validator(mode="after")
    def _clash(self) -> JobSpec:
        both = set(self.secrets) & set(self.env)
        if both:
            raise ValueError(f"{', '.join(sorted(both))}: given both in env and as a secret")
        return self


def _variable(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} can't be the name of an environment variable")
    if name.startswith("TAUON_"):
        raise ValueError(f"{name}: names that begin with TAUON_ are set by Tauon itself")


def _plain(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError(f"{name}: a variable's value is text, not {value!r}")
