"""What the command shell needs of the top floor: the way to a control plane, and the commands that are not one call of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from tauon.cli.options import DemoOptions, LoginOptions, ServeOptions, VerifyOptions
from tauon.ports.what_if import WhatIf
from tauon.service.control_plane import ControlPlane
from tauon.service.views import ServerInfo


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a replay of the whole journal compares with the stored rows: every difference is a sentence."""

    events: int
    jobs: int
    duration_s: float
    differences: list[str]


Progress = Callable[[int, int], None]
"""Called with how much is done and of how much; often."""


class Logins(Protocol):
    """Who may log in to the server of a home. Raises ConfigError when that home has none."""

    def names(self) -> list[str]: ...

    def create(self, user: str) -> str:
        """A new token for a user, in place of the one before; it is kept nowhere."""
        ...

    def revoke(self, user: str) -> None:
        """Raises NotFound."""
        ...


class PageLink(msgspec.Struct, frozen=True, kw_only=True):
    """The address to open in a browser; it signs in once, within so many seconds."""

    url: str
    within_s: int


class Wiring(Protocol):
    """What `main.py` joins for the shell. Every method raises the errors of `model.errors`."""

    def connect(self, home: Path | None, server: str, progress: Progress) -> AbstractAsyncContextManager[ControlPlane]:
        """The control plane at the address given by --server, or the one that serves the --home, else what the
        environment, the login and the default home say. At submit it uploads a `workdir` that is a folder here, and
        tells `progress` the bytes sent and those in all.

        Raises Unavailable when nothing answers there, saying how to start it.
        """
        ...

    def serve(self, options: ServeOptions) -> int:
        """Serve in the foreground until a signal comes; returns the exit code."""
        ...

    def demo(self, options: DemoOptions) -> int:
        """Show real work from end to end; returns the exit code."""
        ...

    def verify(self, options: VerifyOptions, progress: Progress) -> VerifyReport:
        """Replay the journal and compare it with the rows, on a live database too."""
        ...

    async def login(self, options: LoginOptions) -> ServerInfo:
        """Ask the server who the token is, and remember both (mode 0600) if it knows."""
        ...

    async def page_link(self, home: Path | None, server: str) -> PageLink:
        """An address of the server's page that signs a browser in, for the server that `connect` would take."""
        ...

    def what_if(self) -> WhatIf:
        """The simulator."""
        ...

    def logins(self, home: Path | None) -> Logins:
        """Who may log in to the server of this home."""
        ...
