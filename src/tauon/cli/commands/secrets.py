"""`tauon secret`: values that jobs may use by name; they come by prompt or standard input, never as an argument."""

from __future__ import annotations

import sys
from typing import Any

import click

from tauon.cli.command import Call, Entry, LazyGroup, command
from tauon.cli.complete import secret_names
from tauon.cli.options import Nothing, SecretName, SecretValue

_HERE = "tauon.cli.commands.secrets"


@command("set", SecretName, reads=True)
@click.argument("name")
def secret_set(call: Call, options: SecretName) -> int:
    """Store a value under a name.

    It is asked for without echo, or read from standard input in a pipe (one newline at its end is left out). Jobs that
    list the name under `secrets` get it as an environment variable.
    """
    from tauon.cli.actions.secrets import set_secret
    from tauon.cli.invocation import ask

    if sys.stdin.isatty():
        value: str = click.prompt(f"Value of {options.name}", hide_input=True, err=True)
    else:
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError("no value was given")
    return ask(call, set_secret, SecretValue(name=options.name, value=value))


@command("list", Nothing, reads=True)
def secret_list(call: Call, options: Nothing) -> int:
    """List the names of stored secrets."""
    from tauon.cli.actions.secrets import list_secrets
    from tauon.cli.invocation import ask

    return ask(call, list_secrets, options)


@command("delete", SecretName, reads=True)
@click.argument("name", shell_complete=secret_names)
def secret_delete(call: Call, options: SecretName) -> int:
    """Delete a secret."""
    from tauon.cli.actions.secrets import delete_secret
    from tauon.cli.invocation import ask

    return ask(call, delete_secret, options)


def _passed_on(**_: Any) -> None:
    """The commands below take everything."""


secret = LazyGroup(
    name="secret",
    callback=_passed_on,
    no_args_is_help=True,
    help="Keep values that jobs may use by name.",
    entries={
        "set": Entry(f"{_HERE}:secret_set", "Store a value under a name."),
        "list": Entry(f"{_HERE}:secret_list", "List the names of stored secrets."),
        "delete": Entry(f"{_HERE}:secret_delete", "Delete a secret."),
    },
)
