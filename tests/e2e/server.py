"""A real server in a process of its own, for tests that start, stop and kill it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tauon.api.connection import Connection, server_file
from tauon.api.sync_client import Client


class Server:
    """`tauon up` on a home of its own. `url` and `token` are known once it answers."""

    def __init__(self, home: Path, *flags: str, database: str = "") -> None:
        self.home = home
        self.flags = [*flags, *(["--database", database] if database else [])]
        self.process: subprocess.Popen[bytes] | None = None
        self.url = self.token = ""
        self.log = home.parent / f"{home.name}.log"

    def start(self, *, within_s: float = 60.0) -> None:
        """Start it and wait until it answers."""
        server_file(self.home).unlink(missing_ok=True)
        command = [sys.executable, "-m", "tauon.main", "--home", str(self.home), "up", "--port", "0", *self.flags]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at once:\n{self.log.read_text()[-4000:]}")
            with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
                found = msgspec.json.decode(server_file(self.home).read_bytes(), type=Connection)
                self.url, self.token = found.url, found.token
                return
            time.sleep(0.02)
        raise AssertionError(f"the server did not answer within {within_s} s:\n{self.log.read_text()[-4000:]}")

    def client(self) -> Client:
        """A client of it."""
        return Client(self.url, self.token)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, as an operator; returns its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=30)


def processes_of(home: Path) -> dict[int, str]:
    """Processes of jobs of a home (those with its path in their environment), by pid."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if str(home).encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, stopped at the end whatever happens."""
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
