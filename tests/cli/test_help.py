"""Help is quick and complete: nothing slow is loaded for it, and what it says of a command is what the command does."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from tauon.cli.app import ENTRIES, cli
from tauon.cli.command import Entry, LazyGroup
from tests.cli.shell import Shell

SLOW = ("pydantic", "httpx", "rich", "litestar", "asyncio", "msgspec", "sqlalchemy", "yaml")


def all_commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from all_commands(found, (*path, name))


COMMANDS = dict(all_commands(cli))


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a fresh process has loaded after a command."""
    program = (
        "import sys; from tauon.main import run; "
        f"sys.argv = ['tauon', *{list(arguments)!r}]; code = run(); "
        "print('LOADED', *sorted(sys.modules)); sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(ran.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["ps", "--help"], ["run", "--help"], ["nodes", "-h"], ["--version"]])
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    assert loaded_by(*arguments) & set(SLOW) == set()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(shell: Shell, path: tuple[str, ...]) -> None:
    ran = shell(*path, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: tauon {' '.join(path)}")
    assert all(option.help for option in COMMANDS[path].params if isinstance(option, click.Option))
    assert all(len(line) <= 100 for line in ran.out.splitlines())


def entries(group: LazyGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Entry]]:
    for name, entry in group._entries.items():
        yield (*path, name), entry
    for name in group._entries:
        inner = group.get_command(click.Context(group), name)
        if isinstance(inner, LazyGroup):
            yield from entries(inner, (*path, name))


@pytest.mark.parametrize(("path", "entry"), list(entries(cli)), ids=str)
def test_the_list_of_commands_says_what_each_says_of_itself(path: tuple[str, ...], entry: Entry) -> None:
    help_ = COMMANDS[path].help or ""
    assert help_.splitlines()[0] == entry.about
    assert COMMANDS[path].name == path[-1]


def test_the_first_page_lists_every_command_on_one_line_each(shell: Shell) -> None:
    lines = shell("--help").out.splitlines()
    for name, entry in ENTRIES.items():
        assert any(line.split(None, 1) == [name, entry.about] for line in lines)


def test_common_options_are_not_repeated_in_every_help(shell: Shell) -> None:
    shown = shell("ps", "--help").out
    assert shown.count("--server") == 1
    assert "--output" in shown
    assert "--output" not in shell("up", "--help").out


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_scripts_are_there(shell: Shell, shell_name: str) -> None:
    ran = shell("completion", shell_name)
    assert ran.code == 0
    assert "_TAUON_COMPLETE" in ran.out
