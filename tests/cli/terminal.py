"""The command in a process of its own, on a terminal that a test reads and types on; `python -m tests.cli.terminal` is it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from tauon.cli.app import run
from tauon.service.control_plane import JobQuery
from tauon.service.views import EventView, JobView
from tests.cli.shell import FakeWiring, ShellPlane
from tests.cli.views import a_job_view, a_waiting_job, an_event

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0


class Plane(ShellPlane):
    """A hundred jobs that run on and on; the first list is slow if TAUON_TEST_DELAY_S says so."""

    def __init__(self) -> None:
        super().__init__()
        self.has(
            *[a_job_view(number, name=f"train-{number}") for number in range(101, 1, -1)], a_waiting_job(1, name="true")
        )
        self.outputs = {(1, 0): b"line\n" * 100_000}
        self.piece_bytes = 1000

    async def jobs(self, query: JobQuery) -> list[JobView]:
        await asyncio.sleep(float(os.environ.get("TAUON_TEST_DELAY_S", "0")))
        return await super().jobs(query)

    async def watch(self, *, after: int = 0, subject: str = "") -> AsyncIterator[EventView]:
        yield an_event(1)
        await asyncio.Event().wait()


class Terminal:
    """A running command and what it has written."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.shown = ""

    def read_until(self, text: str) -> None:
        """Read on until a text has come."""
        deadline = time.monotonic() + LIMIT_S
        while text not in self.shown:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} did not come; there was {self.shown!r}")

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + LIMIT_S
        while self._read(deadline):
            pass
        return self.process.wait(LIMIT_S)

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
        data = b""
        with contextlib.suppress(OSError):  # the other side is closed
            data = os.read(self._descriptor, 65536) if ready else b""
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@contextlib.contextmanager
def terminal(*arguments: str, width: int = 80, environment: dict[str, str] | None = None) -> Iterator[Terminal]:
    """Run a command on a terminal of some width."""
    mine, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.terminal", *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=ROOT,
        env=clean_environment() | (environment or {}),
        start_new_session=True,
    )
    os.close(its)
    try:
        yield Terminal(process, mine)
    finally:
        process.kill()
        process.wait()
        os.close(mine)


def clean_environment() -> dict[str, str]:
    """This environment without what says how text should look."""
    gone = ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR", "LC_ALL", "PYTHONIOENCODING", "PYTHONUTF8")
    return {k: v for k, v in os.environ.items() if k not in gone} | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


if __name__ == "__main__":
    sys.exit(run(lambda: FakeWiring(Plane())))
