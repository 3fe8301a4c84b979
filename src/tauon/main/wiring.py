"""What the command shell is given: the way to a control plane, and the commands that are more than one call of it.

Each method loads only what its command needs, so that `tauon ps` waits for neither web server nor database.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from tauon.api.connection import (
    SERVER_VARIABLE,
    Connection,
    checked_token,
    checked_url,
    discover,
    login_file,
    write_connection,
)
from tauon.cli.options import DemoOptions, LoginOptions, ServeOptions, VerifyOptions
from tauon.cli.wiring import Logins, PageLink, Progress, VerifyReport
from tauon.ports.what_if import WhatIf
from tauon.service.control_plane import ControlPlane
from tauon.service.views import ServerInfo


class Joined:
    """Implements `cli.wiring.Wiring`."""

    @contextlib.asynccontextmanager
    async def connect(self, home: Path | None, server: str, progress: Progress) -> AsyncIterator[ControlPlane]:
        """The control plane at an address, or the one that serves this home, or the one that was logged in to."""
        from tauon.api.client import AsyncClient

        known = discover(environment=os.environ | {SERVER_VARIABLE: server}) if server else discover(home)
        async with AsyncClient(known.url, known.token, progress=progress) as client:
            yield client

    def serve(self, options: ServeOptions) -> int:
        """Serve in the foreground until a signal comes."""
        from tauon.main.serve import serve

        return serve(options)

    def demo(self, options: DemoOptions) -> int:
        """Show real work from end to end."""
        from tauon.main.demo import demo

        return demo(options)

    def verify(self, options: VerifyOptions, progress: Progress) -> VerifyReport:
        """Replay the journal and compare it with the rows."""
        from tauon.main.admin import verify

        return verify(options, progress)

    def what_if(self) -> WhatIf:
        """The simulator."""
        from tauon.main.past import journal_at
        from tauon.simulator.what_if import Worlds

        return Worlds(journal_at)

    async def login(self, options: LoginOptions) -> ServerInfo:
        """Ask the server who the token is, and remember both if it knows."""
        from tauon.api.client import AsyncClient

        connection = Connection(url=checked_url(options.url), token=checked_token(options.token))
        async with AsyncClient(connection.url, connection.token) as client:
            info = await client.info()
        write_connection(login_file(), connection)
        return info

    async def page_link(self, home: Path | None, server: str) -> PageLink:
        """An address of the server's page that signs a browser in."""
        from tauon.api.client import AsyncClient

        known = discover(environment=os.environ | {SERVER_VARIABLE: server}) if server else discover(home)
        async with AsyncClient(known.url, known.token) as client:
            link = await client.sign_in_link()
        return PageLink(url=f"{known.url.rstrip('/')}/#code={link.code}", within_s=link.within_s)

    def logins(self, home: Path | None) -> Logins:
        """Who may log in to the server of this home."""
        from tauon.main.admin import logins

        return logins(home)
