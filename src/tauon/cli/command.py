"""Commands as the shell declares them: common options everywhere, flags collected into one frozen value, loaded when named."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from tauon.cli.faults import BROKEN_PIPE
from tauon.cli.options import Common

Options = TypeVar("Options")
Load = Callable[[], Any]
"""Loads the wiring (`cli.wiring.Wiring`); untyped here, because naming that type would load half the house for --help."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command: the way to the wiring, and what all commands take."""

    load: Load
    common: Common


class Command(click.Command):
    """A command that takes the common options too, hidden from its help to keep that short."""

    def __init__(self, *args: Any, reads: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [_output(hidden=not reads), *common_options(hidden=True)]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.indentation():
            formatter.write_paragraph()
            formatter.write_text("--server, --home, --no-color and --debug work here too: see tauon --help.")


def _output(*, hidden: bool) -> click.Option:
    return click.Option(
        ["-o", "--output"],
        type=click.Choice(["table", "json", "yaml"]),
        hidden=hidden,
        help="How to print the answer.  [default: table]",
    )


def common_options(*, hidden: bool) -> list[click.Parameter]:
    """The options that work before and after the name of a command."""
    return [
        click.Option(
            ["--server"],
            hidden=hidden,
            metavar="URL",
            help="Server to ask.  [default: TAUON_SERVER, else your login, else the local one]",
        ),
        click.Option(
            ["--home"],
            hidden=hidden,
            metavar="DIR",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of a local server's state.  [default: ~/.local/share/tauon]",
        ),
        click.Option(["--no-color"], hidden=hidden, is_flag=True, default=None, help="Plain text, as with NO_COLOR=1."),
        click.Option(["--debug"], hidden=hidden, is_flag=True, default=None, help="Show the traceback of an error."),
    ]


def taken(values: dict[str, Any], common: Common) -> Common:
    """Move the common options out of a command's values; those given here go over those given before."""
    given = {field.name: values.pop(field.name, None) for field in fields(Common)}
    return replace(common, **{name: value for name, value in given.items() if value is not None})


def command(
    name: str, options: Callable[..., Options], *, reads: bool = False, cls: type[Command] = Command
) -> Callable[[Callable[[Call, Options], int]], Command]:
    """Declare a command: its flags are collected into `options`, and what the function returns is the exit code.

    `reads`: it shows something that can also be had as JSON or YAML. The docstring is the help.
    """

    def declared(body: Callable[[Call, Options], int]) -> Command:
        def callback(**values: Any) -> None:
            context = click.get_current_context()
            call: Call = context.obj
            call = replace(call, common=taken(values, call.common))
            try:
                code = body(call, options(**values))
            except BrokenPipeError:
                code = BROKEN_PIPE  # click would make a plain 1 of it
            context.exit(code)

        params: list[click.Parameter] = list(reversed(getattr(body, "__click_params__", [])))
        return cls(name=name, reads=reads, params=params, callback=callback, help=inspect.cleandoc(body.__doc__ or ""))

    return declared


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is declared (module and name there), and the line that `--help` has about it."""

    place: str
    about: str
    section: str = "Commands"


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads the one that is called."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.place.partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._entries and not name.startswith("-") and not ctx.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"`{ctx.command_path} --help` lists them"
            raise click.UsageError(f"there is no command `{name}`; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands first: they are what a person looks for."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        width = max(map(len, self._entries))
        for section in dict.fromkeys(entry.section for entry in self._entries.values()):
            rows = [(name.ljust(width), e.about) for name, e in self._entries.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


def split_at_dashes(args: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """What stands before the first `--` and what after it (None: there is none)."""
    if "--" not in args:
        return list(args), None
    at = list(args).index("--")
    return list(args[:at]), list(args[at + 1 :])
