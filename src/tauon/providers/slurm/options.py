"""The settings of a Slurm pool, as its configuration gives them under `options`."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from tauon.model.errors import ConfigError
from tauon.model.pool import Pool

_OPTION = re.compile(r"--[a-z][a-z-]*(=[^\n]*)?")
# What the provider decides itself; another value would break a promise of its own.
_RESERVED = frozenset(
    [
        "array",
        "comment",
        "chdir",
        "cpus-per-task",
        "dependency",
        "error",
        "export",
        "gres",
        "hold",
        "job-name",
        "mem",
        "nodelist",
        "nodes",
        "no-requeue",
        "ntasks",
        "ntasks-per-node",
        "output",
        "parsable",
        "requeue",
        "signal",
        "wait",
        "wrap",
    ]
)


class SlurmOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set; docs/how-to/slurm.md explains each."""

    folder: str = ""
    partition: str = ""
    account: str = ""
    qos: str = ""
    sbatch: list[str] = []
    accelerators: dict[str, str] = {}
    python: str = "python3"
    commands: str = ""
    conf: str = ""
    parallel: int = 8
    poll_s: float = 1.0
    nodes_poll_s: float = 5.0
    command_timeout_s: float = 30.0
    patience_s: float = 600.0
    completion_log: str = ""
    log_max_mib: int = 64
    logs_keep_days: float = 30.0
    logs_keep_mib: int = 4096
    checkpoints_keep_days: float = 30.0


def read_options(pool: Pool) -> SlurmOptions:
    """The pool's options, checked. Raises ConfigError."""
    try:
        options = msgspec.convert(pool.options, SlurmOptions)
    except msgspec.ValidationError as error:
        known = ", ".join(SlurmOptions.__struct_fields__)
        raise ConfigError(f"pool {pool.name}: options: {error} (the slurm provider has {known})") from None
    problem = _problem(options)
    if problem:
        raise ConfigError(f"pool {pool.name}: options: {problem}")
    return options


def _problem(options: SlurmOptions) -> str:
    if options.folder and not Path(options.folder).is_absolute():
        return f"folder must be an absolute path that all nodes share, not {options.folder!r}"
    if options.log_max_mib < 1 or options.parallel < 1:
        return "log_max_mib and parallel must be 1 or more"
    if min(options.poll_s, options.nodes_poll_s, options.command_timeout_s, options.patience_s) <= 0:
        return "poll_s, nodes_poll_s, command_timeout_s and patience_s must be above 0"
    for name in ("partition", "account", "qos", "python"):
        if re.search(r"\s", getattr(options, name)):
            return f"{name} must not hold spaces"
    for text in options.sbatch:
        name = text.removeprefix("--").partition("=")[0]
        if not _OPTION.fullmatch(text):
            return f"sbatch: {text!r} is not an option such as --constraint=hbm"
        if name in _RESERVED:
            return f"sbatch: --{name} is set by Tauon itself"
    return ""
