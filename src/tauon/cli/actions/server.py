"""Log in, prove a journal right, and tell versions."""

from __future__ import annotations

import asyncio
import re

import msgspec

from tauon import __version__
from tauon.cli.command import Call
from tauon.cli.invocation import output_of, wiring_of
from tauon.cli.options import LoginOptions, UserName, VerifyOptions
from tauon.cli.patience import Bar
from tauon.cli.render.words import count, duration
from tauon.cli.screen import Screen
from tauon.cli.wiring import VerifyReport
from tauon.model.errors import InvalidRequest, TauonError
from tauon.service.views import ServerInfo

NAME = r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,61}[A-Za-z0-9])?"
NAME_RULE = "a name is up to 63 letters, digits, `.`, `_`, `@` and `-`"
_MOST_DIFFERENCES = 50
_PATIENCE_S = 3.0


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """Which version this is, and which server answers (or why none does)."""

    client: str
    server: ServerInfo | None
    problem: str


def log_in(call: Call, options: LoginOptions) -> int:
    """`tauon login`."""
    output = output_of(call)

    async def logged_in() -> ServerInfo:
        output.patience.wait(f"asking {options.url}")
        try:
            return await wiring_of(call).login(options)
        finally:
            output.patience.over()

    info = asyncio.run(logged_in())
    output.show(info, lambda found, _: f"Logged in to {options.url} (version {found.version}) as {found.user}.")
    return 0


def verify(call: Call, options: VerifyOptions) -> int:
    """`tauon admin verify`."""
    output = output_of(call)
    bar = Bar("replaying the journal")
    try:
        report = wiring_of(call).verify(options, bar)
    finally:
        bar.over()
    output.show(report, verified)
    return 1 if report.differences else 0


def verified(report: VerifyReport, screen: Screen) -> str:
    """Whether the replay gave the same, or what differs."""
    read = f"{count(report.events, 'event')} replayed in {duration(report.duration_s)}"
    if not report.differences:
        return f"{screen.style('right:', 'green bold')} {read} give the stored state ({count(report.jobs, 'job')})."
    lines = [f"{screen.style('wrong:', 'red bold')} {read} give another state than the stored one:"]
    lines += [f"  {difference}" for difference in report.differences[:_MOST_DIFFERENCES]]
    left = len(report.differences) - _MOST_DIFFERENCES
    return "\n".join([*lines, *([f"  and {left} more"] if left > 0 else [])])


def show_page_link(call: Call) -> int:
    """`tauon page`."""
    output = output_of(call)
    link = asyncio.run(wiring_of(call).page_link(call.common.home, call.common.server))
    output.show(link, lambda found, _: found.url)
    output.note(f"It signs in once, within {duration(link.within_s)}. Whoever opens it is you.")
    return 0


def show_versions(call: Call) -> int:
    """`tauon version`: the server's too, if it answers soon; that none does is no failure."""

    async def found() -> Versions:
        try:
            async with (
                asyncio.timeout(_PATIENCE_S),
                wiring_of(call).connect(call.common.home, call.common.server, lambda *_: None) as plane,
            ):
                return Versions(client=__version__, server=await plane.info(), problem="")
        except TimeoutError:
            return Versions(client=__version__, server=None, problem="it does not answer")
        except TauonError as error:
            return Versions(client=__version__, server=None, problem=str(error))

    output_of(call).show(asyncio.run(found()), versions)
    return 0


def versions(found: Versions, _: Screen) -> str:
    """One line for each side."""
    if found.server is None:
        return f"tauon {found.client}\nserver: {found.problem}"
    server = found.server
    return f"tauon {found.client}\nserver {server.version} on {server.database}, where you are {server.user}"


def create_login(call: Call, options: UserName) -> int:
    """`tauon admin login create`."""
    output = output_of(call)
    if not re.fullmatch(NAME, options.user):
        raise InvalidRequest(f"{options.user!r} can't be a user; {NAME_RULE}")
    token = wiring_of(call).logins(call.common.home).create(options.user)
    output.show({"user": options.user, "token": token}, lambda *_: token)
    output.note(f"This is shown once. {options.user} logs in with `tauon login URL` and this token.")
    return 0


def list_logins(call: Call) -> int:
    """`tauon admin login list`."""
    output = output_of(call)
    output.show(wiring_of(call).logins(call.common.home).names(), lambda names, _: "\n".join(names))
    return 0


def revoke_login(call: Call, options: UserName) -> int:
    """`tauon admin login revoke`."""
    wiring_of(call).logins(call.common.home).revoke(options.user)
    output_of(call).show({"user": options.user}, lambda *_: f"{options.user} is let in no more")
    return 0
