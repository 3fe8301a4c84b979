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
