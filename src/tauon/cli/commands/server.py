"""Commands about a server: start one, log in to one, look after its journal; the demo, completion and versions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tauon.cli.command import Call, Entry, LazyGroup, command
from tauon.cli.options import Nothing, UserName

_HERE = "tauon.cli.commands.server"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpFlags:
    """The flags of `tauon up`; the home is a common option."""

    host: str | None
    port: int | None
    database: str
    config: Path | None
    virtual_gpus: tuple[str, ...]
    log_level: str


@command("up", UpFlags)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0: any that is free.")
@click.option("--database", default="", metavar="URL", help="postgresql://... instead of SQLite in the home folder.")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Pools, queues, prices."
)
@click.option(
    "--virtual-gpus", multiple=True, metavar="TYPE:N", help="Count accelerators that are not there. May be repeated."
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="How much it says.",
)
def up(call: Call, options: UpFlags) -> int:
    """Serve in the foreground: API, control loop, local pool.

    State is kept in --home. Jobs that run go on when the server ends, and are found again when it starts.
    """
    from dataclasses import asdict

    from tauon.cli.invocation import wiring_of
    from tauon.cli.options import ServeOptions

    return wiring_of(call).serve(ServeOptions(home=call.common.home, **asdict(options)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFlags:
    """The flags of `tauon demo`."""

    keep: bool


@command("demo", DemoFlags)
@click.option("--keep", is_flag=True, help="Keep its state and say where it is.")
def demo(call: Call, options: DemoFlags) -> int:
    """Watch real jobs run, move and be billed on this machine.

    A training run with two workers, a batch job, one that is preempted and goes on from its checkpoint, one that is
    tried again; then the bill. No GPU, no account, nothing is left running.
    """
    from tauon.cli.invocation import output_of, wiring_of
    from tauon.cli.options import DemoOptions

    plain = not output_of(call).screen.has_colour
    return wiring_of(call).demo(DemoOptions(home=call.common.home, keep=options.keep, plain=plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFlags:
    """Which server."""

    url: str


@command("login", LoginFlags, reads=True)
@click.argument("url")
def login(call: Call, options: LoginFlags) -> int:
    """Remember a server and the token for it.

    The token is asked for, or read from standard input in a pipe; it is checked with the server first.
    """
    from tauon.cli.actions.server import log_in
    from tauon.cli.options import LoginOptions

    token = click.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise click.UsageError("no token was given")
    return log_in(call, LoginOptions(url=options.url, token=token.strip()))


@command("page", Nothing, reads=True)
def page(call: Call, _: Nothing) -> int:
    """Print a link that opens the server's page, signed in as you.

    It works once and for two minutes; the browser then stays signed in for a week.
    """
    from tauon.cli.actions.server import show_page_link

    return show_page_link(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyFlags:
    """Which journal."""

    database: str


@command("verify", VerifyFlags, reads=True)
@click.option("--database", default="", metavar="URL", help="The database, if it is not SQLite in the home folder.")
def admin_verify(call: Call, options: VerifyFlags) -> int:
    """Prove that the stored state is what a replay of the journal gives.

    It changes nothing and may run beside the server. Exit code 1 means that they differ.
    """
    from tauon.cli.actions.server import verify
    from tauon.cli.options import VerifyOptions

    return verify(call, VerifyOptions(home=call.common.home, database=options.database))


@command("create", UserName, reads=True)
@click.argument("user")
def login_create(call: Call, options: UserName) -> int:
    """Make a token for a user, in place of the one before.

    It is shown once; only its digest is kept. The user says it to `tauon login URL`.
    """
    from tauon.cli.actions.server import create_login

    return create_login(call, options)


@command("list", Nothing, reads=True)
def login_list(call: Call, _: Nothing) -> int:
    """List who has a token for this server."""
    from tauon.cli.actions.server import list_logins

    return list_logins(call)


@command("revoke", UserName, reads=True)
@click.argument("user")
def login_revoke(call: Call, options: UserName) -> int:
    """Let a user in no more; a running server heeds it at once."""
    from tauon.cli.actions.server import revoke_login

    return revoke_login(call, options)


def _passed_on(**_: Any) -> None:
    """The commands below take everything."""


admin = LazyGroup(
    name="admin",
    callback=_passed_on,
    no_args_is_help=True,
    help="Look after a server: its journal, and who may log in.\n\nWorks on the home folder, on the server's machine.",
    entries={
        "verify": Entry(f"{_HERE}:admin_verify", "Prove that the stored state is what a replay of the journal gives."),
        "login": Entry(f"{_HERE}:admin_login", "Make, list and revoke the tokens of users."),
    },
)

admin_login = LazyGroup(
    name="login",
    callback=_passed_on,
    no_args_is_help=True,
    help="Make, list and revoke the tokens of users.",
    entries={
        "create": Entry(f"{_HERE}:login_create", "Make a token for a user, in place of the one before."),
        "list": Entry(f"{_HERE}:login_list", "List who has a token for this server."),
        "revoke": Entry(f"{_HERE}:login_revoke", "Let a user in no more; a running server heeds it at once."),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionFlags:
    """Which shell."""

    shell: str


@command("completion", CompletionFlags)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(_: Call, options: CompletionFlags) -> int:
    """Print the completion script of a shell.

    \b
      bash   tauon completion bash > ~/.local/share/bash-completion/completions/tauon
      zsh    tauon completion zsh > ~/.zfunc/_tauon      (with ~/.zfunc in fpath)
      fish   tauon completion fish > ~/.config/fish/completions/tauon.fish

    Commands, flags and the ids of live jobs, nodes and queues are completed.
    """  # noqa: D301 - the mark by which click keeps lines
    from click.shell_completion import get_completion_class

    context = click.get_current_context().find_root()
    shell = get_completion_class(options.shell)
    assert shell is not None
    click.echo(shell(context.command, {}, "tauon", "_TAUON_COMPLETE").source())
    return 0


@command("version", Nothing, reads=True)
def version(call: Call, _: Nothing) -> int:
    """Show the versions of this command and of the server."""
    from tauon.cli.actions.server import show_versions

    return show_versions(call)
