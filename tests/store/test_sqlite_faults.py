"""What the store does when its file or its disk fails: one clear sentence, and nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tauon.model.changes import Changes
from tauon.model.errors import ConfigError, StorageUnavailable
from tauon.model.event import JobSubmitted
from tauon.ports.store import JobFilter
from tauon.store.sql_store import SqlStore
from tauon.store.verify import verify
from tests.builders import a_job, events_of

NOBODY = 65534


def submit(store: SqlStore, number: int, *, size: int = 100) -> None:
    cluster = store.load()
    cluster.changes = Changes()
    [event] = events_of([JobSubmitted(job=a_job(number, document="x" * size))], seq=cluster.seq + 1)
    cluster.apply(event)
    store.write([event], cluster.changes)


def no_difference(store: SqlStore) -> bool:
    return verify(store.database.url, progress=lambda _done, _all: None).differences == ()


@contextlib.contextmanager
def as_somebody_without_rights() -> Iterator[None]:
    """Root may write everywhere: be nobody for a while."""
    if os.geteuid():
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextlib.contextmanager
def small_disk(folder: Path, *, size: str = "2m", options: str = "") -> Iterator[Path]:
    """A file system of its own, as small as told."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}{options}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system to fill")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "tauon.db"
    path.write_text("Dear diary, today I learned about queues. " * 100)
    with pytest.raises(ConfigError, match=r"tauon.db is not a database or is damaged .* restore it from a backup"):
        SqlStore(path).open()
    with pytest.raises(ConfigError, match="is not a database"):
        SqlStore(path).open_to_read()
    assert path.read_text().startswith("Dear diary")


def test_a_damaged_database(store: SqlStore, address: str) -> None:
    for number in range(1, 40):
        submit(store, number, size=4_000)
    store.close()
    with Path(address).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 200_000)
    again = SqlStore(address)

    def look() -> None:
        again.open()
        again.load()

    with contextlib.closing(again), pytest.raises(ConfigError, match="damaged"):
        look()


def test_a_second_server_is_told_who_is_first(store: SqlStore, address: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"in use by another Tauon server \(process {os.getpid()} on \S+\): stop that"
    ):
        SqlStore(address).open()
    submit(store, 1)
    store.close()
    after = SqlStore(address)
    after.open()
    with contextlib.closing(after):
        assert after.load().seq == 1


def test_a_server_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "tauon.db"
    program = (
        "import os, signal\nfrom tauon.store.sql_store import SqlStore\n"
        f"SqlStore({str(path)!r}).open()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    store = SqlStore(path)
    store.open()
    store.close()


def test_only_its_owner_can_read_what_it_keeps(store: SqlStore, address: str) -> None:
    submit(store, 1)
    assert {file.stat().st_mode & 0o077 for file in Path(address).parent.glob("tauon.db*")} == {0}


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o555)
    with as_somebody_without_rights():
        for path in (folder / "tauon.db", folder / "deeper" / "tauon.db"):
            with pytest.raises(ConfigError, match=r"can't be written \(Permission denied\): let this user write to"):
                SqlStore(path).open()
    assert list(folder.iterdir()) == []


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"can't be written \(Is a directory\)"):
        SqlStore(tmp_path).open()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"can't be written \(File exists\)"):
        SqlStore(tmp_path / "file" / "tauon.db").open()


def test_no_file_to_read(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="can't be opened"):
        SqlStore(tmp_path / "tauon.db").open_to_read()
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_may_not_grow(store: SqlStore) -> None:
    submit(store, 1)
    assert store._writer is not None
    store._writer.execute("PRAGMA max_page_count = 60")
    with pytest.raises(StorageUnavailable, match="the disk is full: free some space"):
        submit(store, 2, size=1_000_000)
    assert [j.number for j in store.jobs(JobFilter())] == [1]
    submit(store, 2)
    assert store.load().seq == 2
    assert no_difference(store)


def fill(folder: Path) -> Path:
    """Take all the space that is left on a disk."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass
    return filler


def submit_many(store: SqlStore) -> None:
    for number in range(2, 100):
        submit(store, number, size=10_000)


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder:
        store = SqlStore(folder / "tauon.db")
        store.open()
        with contextlib.closing(store):
            submit(store, 1)
            filler = fill(folder)
            with pytest.raises(StorageUnavailable, match="full"):
                submit_many(store)
            written = store.load().seq
            assert len(store.jobs(JobFilter())) == written
            filler.unlink()
            submit(store, written + 1)
            assert store.load().seq == written + 1
            assert no_difference(store)


def test_a_disk_that_is_full_from_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="16k") as folder, pytest.raises(StorageUnavailable, match="full"):
        SqlStore(folder / "tauon.db").open()


def test_a_file_system_that_can_only_be_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        with pytest.raises(StorageUnavailable, match=r"can't be written \(Read-only file system\)"):
            SqlStore(folder / "tauon.db").open()


def test_another_program_that_keeps_it_locked(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauon.store.sqlite.BUSY_TIMEOUT_MS", 20)
    store = SqlStore(address)
    store.open()
    with contextlib.closing(store), contextlib.closing(sqlite3.connect(tmp_path / "tauon.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable, match="another program keeps it locked: end that one"):
            store.write(events_of([JobSubmitted(job=a_job())]), Changes())
        other.rollback()
        submit(store, 1)
        assert store.load().seq == 1
