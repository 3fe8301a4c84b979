"""The command `tauon`: which commands there are, and how whatever goes wrong becomes one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from tauon import __version__
from tauon.cli.command import Call, Entry, LazyGroup, Load, common_options, split_at_dashes, taken
from tauon.cli.faults import BROKEN_PIPE, Faults
from tauon.cli.options import Common

_JOBS, _FLEET, _SERVER = "Jobs", "Capacity and money", "Server"
_DECLARED = "tauon.cli.commands"
ENTRIES = {
    "run": Entry(f"{_DECLARED}.run:run", "Submit a job: a file, or a command after --.", _JOBS),
    "ps": Entry(f"{_DECLARED}.jobs:ps", "List jobs: those that wait or run, or all of them.", _JOBS),
    "show": Entry(f"{_DECLARED}.jobs:show", "Show one job: its attempts, why each ended, what it cost.", _JOBS),
    "logs": Entry(f"{_DECLARED}.jobs:logs", "Print what a job writes.", _JOBS),
    "explain": Entry(f"{_DECLARED}.jobs:explain", "Say why a job is where it is.", _JOBS),
    "cancel": Entry(f"{_DECLARED}.jobs:cancel", "Cancel jobs.", _JOBS),
    "migrate": Entry(f"{_DECLARED}.jobs:migrate", "Let a job go on in another pool.", _JOBS),
    "top": Entry(f"{_DECLARED}.fleet:top", "Show what is going on now: accelerators, processes, money.", _FLEET),
    "nodes": Entry(f"{_DECLARED}.fleet:nodes", "List nodes, or take one out of service.", _FLEET),
    "pools": Entry(f"{_DECLARED}.fleet:pools", "List pools: where there is capacity, and how much is free.", _FLEET),
    "queues": Entry(
        f"{_DECLARED}.fleet:queues", "List queues: their shares, what runs and what waits in each.", _FLEET
    ),
    "offers": Entry(f"{_DECLARED}.offers:offers", "List what can be had: what pools sell and catalogues list.", _FLEET),
    "usage": Entry(f"{_DECLARED}.fleet:usage", "Show the bill: who used what, and what was idle.", _FLEET),
    "cost": Entry(f"{_DECLARED}.money:cost", "Show the bill by any key.", _FLEET),
    "waste": Entry(f"{_DECLARED}.money:waste", "List accelerators that are held and hardly used.", _FLEET),
    "budgets": Entry(f"{_DECLARED}.money:budgets", "List budgets: what is spent, and when it will be.", _FLEET),
    "plan": Entry(f"{_DECLARED}.plan:plan", "Plan what to reserve, where and for how long, from past demand.", _FLEET),
    "tune": Entry(f"{_DECLARED}.tune:tune", "Find accelerators, parallelism and precision for a model.", _FLEET),
    "events": Entry(f"{_DECLARED}.fleet:events", "Tell what has happened, from the journal.", _FLEET),
    "simulate": Entry(f"{_DECLARED}.simulate:simulate", "Play a trace or a world under one policy or several.", _FLEET),
    "demo": Entry(f"{_DECLARED}.server:demo", "Watch real jobs run, move and be billed on this machine.", _SERVER),
    "up": Entry(f"{_DECLARED}.server:up", "Serve in the foreground: API, control loop, local pool.", _SERVER),
    "page": Entry(f"{_DECLARED}.server:page", "Print a link that opens the server's page, signed in as you.", _SERVER),
    "login": Entry(f"{_DECLARED}.server:login", "Remember a server and the token for it.", _SERVER),
    "secret": Entry(f"{_DECLARED}.secrets:secret", "Keep values that jobs may use by name.", _SERVER),
    "admin": Entry(f"{_DECLARED}.server:admin", "Look after a server: its journal, and who may log in.", _SERVER),
    "completion": Entry(f"{_DECLARED}.server:completion", "Print the completion script of a shell.", _SERVER),
    "version": Entry(f"{_DECLARED}.server:version", "Show the versions of this command and of the server.", _SERVER),
}


def _started(**values: Any) -> None:
    context = click.get_current_context()
    call: Call = context.obj
    context.obj = replace(call, common=taken(values, call.common))


cli = LazyGroup(
    name="tauon",
    entries=ENTRIES,
    callback=_started,
    help="Tauon is one queue for every GPU you can reach.",
    epilog="Start with `tauon demo`, or with `tauon up` and, in a second terminal, `tauon run -- echo hello`.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        *common_options(hidden=False),
        click.Option(["-o", "--output"], type=click.Choice(["table", "json", "yaml"]), help="How to print answers."),
    ],
)
click.version_option(__version__, message="tauon %(version)s")(cli)


def run(load: Load, arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. `load` gives the wiring, once a command needs it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that can't show a character shows `?`
    given = list(sys.argv[1:] if arguments is None else arguments)
    own, _ = split_at_dashes(given)
    faults = Faults(is_plain="--no-color" in own, is_debugging="--debug" in own)
    try:
        code = cli.main(args=given, prog_name="tauon", standalone_mode=False, obj=Call(load, Common()))
        if code == BROKEN_PIPE:
            return faults.told(BrokenPipeError())
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the last one who can tell the person
        return faults.told(error)
    return code if isinstance(code, int) else 0
