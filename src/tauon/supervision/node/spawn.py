"""Starting a process of an attempt so that it can be stopped whole: own session, own group, own limits, no way out."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from tauon.supervision.node.cgroup import enter
from tauon.supervision.node.kernel import die_with
from tauon.supervision.node.order import CgroupOrder

# Python ignores the first two, and a program that it starts would go on ignoring them; the others this process heeds.
_OURS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_OOM_SCORE = b"500"  # a machine that runs out of memory takes a job before it takes the server


class SpawnFailed(Exception):
    """Why a process could not be started."""


class Launch(NamedTuple):
    """A command, its variables, its folder, the descriptor that it writes to, and the control groups it belongs in."""

    argv: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    output: int
    cgroups: Sequence[CgroupOrder] = ()


def shell_command(script: str) -> list[str]:
    """The script in a shell that ends at the first command that fails: bash where there is one, else sh."""
    for bash in ("/bin/bash", "/usr/bin/bash"):
        if os.access(bash, os.X_OK):
            return [bash, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return ["/bin/sh", "-e", "-c", script]


def spawn(launch: Launch) -> int:
    """The id of a process that runs the command by now. Raises SpawnFailed, OSError."""

    def become() -> NoReturn:
        os.chdir(launch.folder)
        for group in launch.cgroups:
            enter(group)
        os.execve(launch.argv[0], list(launch.argv), dict(launch.env))  # noqa: S606 - the shell is in argv

    pid, errors = fork(become, launch.output)
    message = read_error(errors)  # ends when the command has taken the process over
    if message:
        os.waitpid(pid, 0)
        raise SpawnFailed(message)
    return pid


def fork(task: Callable[[], None], output: int) -> tuple[int, int]:
    """A process of its own session that does the task and ends; and a descriptor on which it says what went wrong."""
    parent = os.getpid()
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    if pid:
        os.close(theirs)
        return pid, ours
    code = 1
    try:
        _settle(parent, output)
        task()
        code = 0
    except BaseException as error:  # noqa: BLE001 - the last frame of this process
        with suppress(OSError):
            os.write(theirs, _explain(error).encode(errors="backslashreplace")[:4000])
    finally:
        os._exit(code)


def read_error(errors: int) -> str:
    """All that a forked process said; empty when it had nothing to complain of."""
    said = b""
    while piece := os.read(errors, 4096):
        said += piece
    os.close(errors)
    return said.decode(errors="replace")


def _settle(parent: int, output: int) -> None:
    die_with(parent)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _OURS:
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(_OOM_SCORE)


def _explain(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__
