"""What the flags of the commands come to, as frozen values; nothing here is slow to load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every command takes, before or after its name: only what was given on the command line."""

    home: Path | None = None
    server: str = ""
    output: str = "table"
    no_color: bool = False
    debug: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """For commands that take nothing of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve (`tauon up`). What is None is the configuration's, or has its default there."""

    home: Path | None = None
    host: str | None = None
    port: int | None = None
    database: str = ""
    config: Path | None = None
    virtual_gpus: tuple[str, ...] = ()
    log_level: str = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How to show the demo: where its state goes (None: a temporary folder), whether it stays, text without colour."""

    home: Path | None = None
    keep: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """Which journal to prove right."""

    home: Path | None = None
    database: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions:
    """Which server to remember, and as whom."""

    url: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What to submit: files, or a command. Every other field that is not empty goes over what the files say."""

    files: tuple[Path, ...]
    command: tuple[str, ...] | None
    name: str | None
    queue: str | None
    priority: int | None
    workers: int | None
    gpus: tuple[str, ...]
    cpus: str | None
    memory: str | None
    disk: str | None
    env: tuple[str, ...]
    secret: tuple[str, ...]
    workdir: str | None
    label: tuple[str, ...]
    max_price: str | None
    timeout: str | None
    deadline: str | None
    retries: int | None
    depends_on: tuple[str, ...]
    key: str
    follow: bool
    wait: bool
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TopOptions:
    """Once, or again and again."""

    watch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainOptions:
    """Which nodes, and why."""

    nodes: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndrainOptions:
    """Which nodes."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageOptions:
    """What to sum by, and the window as it was written."""

    by: str
    since: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOptions:
    """Which lines of the journal."""

    subject: str
    follow: bool
    since: str
    tail: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Which jobs to list. Without states: those that have not ended. `limit` 0: all there are."""

    all: bool
    state: tuple[str, ...]
    queue: str
    user: str
    label: tuple[str, ...]
    text: str
    limit: int
    watch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOption:
    """One job, by id or name."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateOptions:
    """Which job, and where to."""

    job: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsOption:
    """Some jobs, by id or name."""

    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """Which output. Without a rank: of all workers."""

    job: str
    follow: bool
    rank: int | None
    attempt: int | None
    tail: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    """Which secret."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretValue:
    """Which secret, and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserName:
    """Which user."""

    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What to play, under which policies, on which nodes, and where the report goes. `until` is a duration."""

    source: str
    policy: tuple[str, ...]
    seed: int | None
    until: str
    nodes: tuple[str, ...]
    gpu_only: bool
    html: Path | None
