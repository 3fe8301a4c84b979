"""A folder is packed the same way each time, without what it should not hold, and uploaded once."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import tarfile
from pathlib import Path

import httpx
import pytest

from tauon.api.app import AppLimits
from tauon.api.client import AsyncClient
from tauon.api.sync_client import Client
from tauon.api.workdir import pack
from tauon.model.errors import InvalidRequest, InvalidSpec, StorageUnavailable
from tests.api.servers import TOKEN, Served, served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A work folder with a bit of everything."""
    root = tmp_path / "work"
    for name in ("train.py", "src/a.py", "src/b.py", "data/big.bin", ".git/config", "src/__pycache__/a.pyc", "ü.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "empty").mkdir()
    (root / "train.py").chmod(0o700)
    (root / "link.py").symlink_to("src/a.py")
    return root


def contents(folder: Path) -> dict[str, tarfile.TarInfo]:
    packed = pack(folder)
    try:
        with tarfile.open(fileobj=io.BytesIO(packed.file.read()), mode="r:gz") as archive:
            return {entry.name: entry for entry in archive}
    finally:
        packed.close()


def digest_of(folder: Path) -> str:
    packed = pack(folder)
    packed.close()
    return packed.digest


def test_everything_but_git_is_packed(folder: Path) -> None:
    found = contents(folder)
    assert list(found) == [
        "data", "empty", "link.py", "src", "train.py", "ü.txt", "data/big.bin",
        "src/__pycache__", "src/a.py", "src/b.py", "src/__pycache__/a.pyc",
    ]  # fmt: skip
    assert found["train.py"].mode == 0o755
    assert found["src/a.py"].mode == 0o644
    assert found["link.py"].linkname == "src/a.py"
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in found.values()} == {(0, 0, 0, "")}


def test_the_same_folder_gives_the_same_bytes(folder: Path) -> None:
    before = digest_of(folder)
    for path in folder.rglob("*.py"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert digest_of(folder) == before
    copy = folder.rename(folder.with_name("elsewhere"))
    assert digest_of(copy) == before
    (copy / "train.py").write_text("other")
    assert digest_of(copy) != before


def test_what_is_ignored_is_left_out(folder: Path) -> None:
    (folder / ".tauonignore").write_text("# notes\n__pycache__/\n*.bin\n!src/b.py\n/empty\nsrc/*.py\n!src/b.py\n")
    assert set(contents(folder)) == {".tauonignore", "data", "link.py", "src", "src/b.py", "train.py", "ü.txt"}


def test_it_can_be_unpacked_safely(folder: Path, tmp_path: Path) -> None:
    packed = pack(folder)
    with tarfile.open(fileobj=packed.file, mode="r:*") as archive:
        archive.extractall(tmp_path / "there", filter="data")
    packed.close()
    assert (tmp_path / "there" / "link.py").read_text() == "src/a.py"
    assert os.access(tmp_path / "there" / "train.py", os.X_OK)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "src/../../outside"])
def test_a_link_that_leads_out_is_refused(folder: Path, target: str) -> None:
    (folder / "src" / "out").symlink_to(target if target.startswith("/") else f"../{target}")
    with pytest.raises(InvalidSpec, match=r"the link src/out leads out of the folder"):
        pack(folder)


def test_what_is_no_file_is_left_out(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        assert not {"pipe", "socket"} & set(contents(folder))


def test_a_folder_that_is_too_large_is_refused(folder: Path) -> None:
    (folder / "data" / "big.bin").write_bytes(b"x" * 3 * 2**20)
    with pytest.raises(InvalidSpec, match=r"has 3 MiB, and at most 1 are uploaded.*\.tauonignore.*data \(3 MiB\)"):
        pack(folder, limit_bytes=2**20)


@pytest.mark.parametrize(("name", "said"), [("nowhere", "there is no folder"), ("train.py", "there is no folder")])
def test_what_is_no_folder_is_refused(folder: Path, name: str, said: str) -> None:
    with pytest.raises(InvalidSpec, match=said):
        pack(folder / name)


def test_a_submit_uploads_its_folder_once(server: Served, folder: Path) -> None:
    heard: list[tuple[int, int]] = []
    with Client(server.url, TOKEN, progress=lambda sent, size: heard.append((sent, size))) as client:
        client.submit({"run": "x", "workdir": str(folder)})
        client.submit_many([{"run": "x", "workdir": folder}, {"run": "y", "workdir": str(folder)}])
    [(digest, data)] = server.plane.blobs.items()
    assert hashlib.sha256(data).hexdigest() == digest
    assert {spec.workdir for spec in server.plane.specs} == {f"blob:{digest}"}
    assert sum(what[0] == "put_blob" for what in server.plane.seen) == 1
    assert heard[-1] == (len(data), len(data))


@pytest.mark.anyio
async def test_the_awaiting_client_uploads_too(server: Served, folder: Path) -> None:
    async with AsyncClient(server.url, TOKEN) as client:
        await client.submit({"run": "x", "workdir": str(folder)})
    assert len(server.plane.blobs) == 1


def test_an_upload_that_fails_is_begun_again(server: Served, client: Client, folder: Path) -> None:
    asked: list[str] = []

    async def busy_once(digest: str, chunks: object) -> None:
        asked.append(digest)
        server.plane.__dict__.pop("put_blob")
        raise StorageUnavailable("the disk is busy")

    server.plane.put_blob = busy_once  # type: ignore[method-assign]
    assert client.upload(folder) == f"blob:{asked[0]}"
    assert asked[0] in server.plane.blobs


def test_other_bytes_than_announced_are_refused(server: Served, client: Client) -> None:
    digest = hashlib.sha256(b"this").hexdigest()
    with pytest.raises(InvalidRequest, match="does not have the digest"):
        client.put_blob(digest, iter([b"th", b"at"]))
    assert not client.has_blob(digest)
    client.put_blob(digest, iter([b"th", b"is"]))
    assert client.has_blob(digest)
    assert server.plane.blobs == {digest: b"this"}


def test_an_upload_that_is_too_large_is_refused() -> None:
    data = b"x" * 3_000_000
    digest = hashlib.sha256(data).hexdigest()
    headers = {"authorization": f"Bearer {TOKEN}"}
    with served(limits=AppLimits(upload_bytes=2**21)) as server:
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
            for content in (data, iter([data[:1_500_000], data[1_500_000:]])):
                answer = http.put(f"/v1/blobs/{digest}", content=content)
                assert answer.status_code == 400
                assert "an upload has 2 MiB at most" in answer.json()["message"]
        assert server.plane.blobs == {}


def test_an_upload_that_breaks_off_leaves_nothing(server: Served) -> None:
    digest = hashlib.sha256(b"0123456789").hexdigest()
    head = f"PUT /v1/blobs/{digest} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"{head}content-length: 10\r\n\r\n01234".encode())
        while not any(what[0] == "put_blob" for what in server.plane.seen):
            connection.settimeout(0.01)
            with pytest.raises(TimeoutError):
                connection.recv(1)
    with Client(server.url, TOKEN) as client:
        assert not client.has_blob(digest)
