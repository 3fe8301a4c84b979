"""How whatever goes wrong becomes one sentence on standard error and an exit code."""

from __future__ import annotations

import os
import signal
import sys

import click

from tauon import __version__
from tauon.model.errors import InvariantViolated, TauonError

INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + signal.SIGPIPE


class Faults:
    """Tells the person what is wrong. A traceback is shown to those who ask for it, and kept in a file for bugs."""

    def __init__(self, *, is_plain: bool, is_debugging: bool) -> None:
        self._has_colour = not is_plain and not os.environ.get("NO_COLOR") and sys.stderr.isatty()
        self._is_debugging = is_debugging

    def told(self, error: BaseException) -> int:
        """Say what is wrong, and return the exit code for it."""
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if self._is_debugging and isinstance(error, Exception) and not isinstance(error, click.exceptions.Exit):
            from traceback import print_exception

            print_exception(error)
        match error:
            case BrokenPipeError():
                return _pipe_closed()
            case KeyboardInterrupt() | click.Abort():
                return INTERRUPTED
            case SystemExit(code=code):
                return code if isinstance(code, int) else 1
            case click.ClickException():
                return self._misused(error)
            case TauonError() if not isinstance(error, InvariantViolated):
                self.say(str(error))
                return error.exit_code
            case OSError():
                self.say(_about_the_system(error))
                return 1
            case Exception():
                self._bug(error)
                return 1
            case _:
                raise error

    def say(self, message: str) -> None:
        """Tell the person what is wrong; several problems one below the other."""
        head = click.style("error:", fg="red", bold=True) if self._has_colour else "error:"
        for line in message.splitlines() or ["something went wrong, without saying what"]:
            click.echo(f"{head} {_folded(line)}", err=True, color=self._has_colour)

    def _misused(self, error: click.ClickException) -> int:
        message = error.format_message()
        self.say(message[:1].lower() + message[1:].removesuffix("."))
        context = getattr(error, "ctx", None)
        if context is not None and "--help`" not in message:
            click.echo(f"`{context.command_path} --help` tells how to use it.", err=True)
        return error.exit_code

    def _bug(self, error: Exception) -> None:
        kept = "" if self._is_debugging else f"; the traceback is in {_kept(error)}"
        self.say(f"this is a bug in Tauon: {type(error).__name__}: {error}{kept}")


def _folded(line: str) -> str:
    """The line broken between words where a terminal would break it anywhere; in a pipe it stays whole."""
    if not sys.stderr.isatty():
        return line
    import shutil
    import textwrap

    width = max(40, shutil.get_terminal_size().columns)
    return textwrap.fill(
        line, width, initial_indent=" " * 7, subsequent_indent=" " * 7, break_long_words=False
    ).lstrip()


def _pipe_closed() -> int:
    """The reader (`head`, a pager) has gone: end as quietly as any other tool."""
    # What is still buffered must go nowhere, or the interpreter complains about it at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _about_the_system(error: OSError) -> str:
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{what[:1].lower()}{what[1:]}"


def _kept(error: BaseException) -> str:
    """Keep a traceback where only this person can read it; the name of the file."""
    import tempfile
    from traceback import format_exception

    with tempfile.NamedTemporaryFile("w", prefix="tauon-", suffix=".txt", delete=False) as file:
        file.write(f"tauon {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n")
        file.write("".join(format_exception(error)))
    return file.name
