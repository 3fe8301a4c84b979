"""What can be wrong where a server starts or a client looks for one: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tauon.api.sync_client import Client
from tauon.model.errors import StorageUnavailable, Unavailable
from tauon.model.job_spec import JobSpec
from tests.e2e.server import Server, running

QUIET = JobSpec.model_validate({"run": "true", "env": {"FILLER": "x" * 20_000}})


def tauon(*arguments: str, home: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    named = ["--home", str(home)] if home else []
    return subprocess.run(
        [sys.executable, "-m", "tauon.main", *named, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"NO_COLOR": "1"} | environment,
    )


def refused(ran: subprocess.CompletedProcess[str], exit_code: int, *words: str) -> None:
    """It said why in a sentence, and nothing else."""
    assert ran.returncode == exit_code, ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr + ran.stdout
    said = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert said, ran.stderr
    for word in words:
        assert word in ran.stderr


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")
    refused(tauon("up", home=home), 2, "--home", "is a file")
    refused(tauon("up", home=home / "below"), 3, "can't make the folder", "--home")


def test_a_database_that_is_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "tauon.db").write_text("this is a letter, not a database " * 100)
    refused(tauon("up", home=home), 3, "tauon.db")


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    server = Server(tmp_path / "home")
    with running(server):
        pass
    with sqlite3.connect(tmp_path / "home" / "tauon.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")
    connection.close()
    refused(tauon("up", home=tmp_path / "home"), 3, "newer")


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused(tauon("up", "--port", port, home=tmp_path / "home"), 3, "has that port")


def test_a_second_server_on_the_same_home(tmp_path: Path) -> None:
    server = Server(tmp_path / "home")
    with running(server):
        assert server.process is not None
        refused(tauon("up", "--port", "0", home=tmp_path / "home"), 3, str(server.process.pid))
        with server.client() as client:
            assert client.info().user


def test_a_configuration_with_a_slip(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "tauon.yaml").write_text("pools:\n  - name: lab\n    prices_usd_per_hour: {H100: 2}\n")
    refused(tauon("up", home=home), 3, "tauon.yaml:3:5", "did you mean `prices_usd_per_h`?")


def test_a_server_that_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    refused(tauon("ps", TAUON_SERVER=f"http://127.0.0.1:{port}"), 7, "no server answers", "tauon up")
    refused(tauon("ps", home=tmp_path / "nobody"), 7, "no server runs", "tauon up")


def test_a_wrong_token(tmp_path: Path) -> None:
    server = Server(tmp_path / "home")
    with running(server):
        refused(tauon("ps", TAUON_SERVER=server.url, TAUON_TOKEN="tauon_wrong"), 6)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tauon-test", str(folder)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root can make a small file system to fill")
    yield folder
    for _ in range(50):
        if subprocess.run(["umount", folder], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "-l", folder], check=False)


def test_a_disk_that_is_full_and_then_is_not(small_disk: Path) -> None:
    """Submits are refused while it is full, all that was acknowledged is there, and it goes on when there is room."""
    server = Server(small_disk / "home", "--log-level", "error")
    server.log = small_disk.parent / "server.log"
    with running(server), server.client() as client:
        ballast = small_disk / "ballast"
        acknowledged = [client.submit(QUIET).id]
        ballast.write_bytes(b"\0" * (shutil.disk_usage(small_disk).free - 200_000))
        with pytest.raises(StorageUnavailable, match="full"):
            _submit_until_refused(client, acknowledged)
        ballast.unlink()
        deadline = time.monotonic() + 30
        while True:
            try:
                acknowledged.append(client.submit(QUIET).id)
                break
            except Unavailable:
                assert time.monotonic() < deadline, "it did not come back when there was room again"
                time.sleep(0.2)
        for job in acknowledged:
            assert client.wait(job, timeout_s=60).job.state == "succeeded"
        assert "Traceback" not in server.log.read_text()
        checked = tauon("admin", "verify", home=server.home)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def _submit_until_refused(client: Client, acknowledged: list[str]) -> None:
    for number in range(300):
        job = client.submit(QUIET, key=f"k{number}")
        acknowledged.append(job.id)
