"""Work folders are made as the job wants them, and nothing that was uploaded gets out of them."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from tauon.model.job import CheckpointPolicy
from tauon.ports.providers import Ending
from tests.providers.contract import an_archive, the_next
from tests.providers.local.world import LocalWorld

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("files", "links"),
    [
        ({"../outside.txt": b"x"}, ()),
        ({}, [("link", "/etc/passwd")]),
        ({}, [("link", "../../../status.json")]),
    ],
)
async def test_an_archive_that_reaches_outside_is_refused(
    world: LocalWorld, tmp_path: Path, files: dict[str, bytes], links: list[tuple[str, str]]
) -> None:
    provider = await world.open()
    archive = an_archive(tmp_path / "evil.tar.gz", files, links=links)
    seen = await world.ran(provider, world.order("true", workdir=world.blob(archive)))
    assert seen.ending is Ending.NOT_STARTED
    assert "can't be unpacked" in seen.message
    assert not any(name.startswith("outside") for _, _, names in os.walk(tmp_path) for name in names)


async def test_an_archive_that_is_none_is_refused(world: LocalWorld, tmp_path: Path) -> None:
    provider = await world.open()
    archive = tmp_path / "noise.tar.gz"
    archive.write_bytes(b"no archive at all")
    seen = await world.ran(provider, world.order("true", workdir=world.blob(archive)))
    assert seen.ending is Ending.NOT_STARTED
    assert "can't be unpacked" in seen.message


async def test_an_archive_that_vanished_is_told(world: LocalWorld, tmp_path: Path) -> None:
    provider = await world.open()
    seen = await world.ran(provider, world.order("true", workdir=world.blob(tmp_path / "gone.tar.gz")))
    assert seen.ending is Ending.NOT_STARTED
    assert "submit the job again" in seen.message


async def test_an_executable_stays_one(world: LocalWorld, tmp_path: Path) -> None:
    script = tmp_path / "train.sh"
    script.write_text("#!/bin/sh\necho trained\n", encoding="ascii")
    script.chmod(0o755)
    with tarfile.open(tmp_path / "folder.tar.gz", "w:gz") as archive:
        archive.add(script, "train.sh")
    provider = await world.open()
    order = world.order("./train.sh", workdir=world.blob(tmp_path / "folder.tar.gz"))
    await world.ran(provider, order)
    assert await world.output(provider, order.attempt.id) == b"trained\n"


async def test_every_attempt_begins_with_a_fresh_folder(world: LocalWorld, tmp_path: Path) -> None:
    provider = await world.open()
    archive = an_archive(tmp_path / "folder.tar.gz", {"data": b"as uploaded\n"})
    workdir = world.blob(archive)
    order = world.order("echo changed > data; echo new > more", workdir=workdir)
    await world.ran(provider, order)
    again = the_next(order, "ls; cat data", workdir=workdir)
    await world.ran(provider, again)
    assert await world.output(provider, again.attempt.id) == b"data\nas uploaded\n"


async def test_an_uploaded_checkpoint_is_where_the_first_attempt_begins(world: LocalWorld, tmp_path: Path) -> None:
    provider = await world.open()
    archive = an_archive(tmp_path / "folder.tar.gz", {"ckpt/step": b"100\n"})
    order = world.order(
        'cat ckpt/step "$TAUON_CHECKPOINT_DIR/step"; echo 200 > ckpt/step',
        workdir=world.blob(archive),
        checkpoint=CheckpointPolicy(path="ckpt"),
    )
    await world.ran(provider, order)
    assert await world.output(provider, order.attempt.id) == b"100\n100\n"
    again = the_next(order, "cat ckpt/step")
    await world.ran(provider, again)
    assert await world.output(provider, again.attempt.id) == b"200\n"


async def test_an_input_never_hides_what_was_uploaded(world: LocalWorld, tmp_path: Path) -> None:
    provider = await world.open()
    archive = an_archive(tmp_path / "folder.tar.gz", {"inputs/digits": b"mine"})
    order = world.order("true", workdir=world.blob(archive), inputs={"digits": str(tmp_path)})
    seen = await world.ran(provider, order)
    assert seen.ending is Ending.NOT_STARTED
    assert "another name" in seen.message


async def test_a_long_unpacking_can_be_stopped(world: LocalWorld, tmp_path: Path) -> None:
    provider = await world.open()
    pipe = world.gate()  # an archive that never comes to its end
    archive = Path(pipe.wait.removeprefix("read -r < "))
    order = world.order("true", workdir=world.blob(archive))
    assert await provider.start([order]) == []
    await provider.stop([world.stop_order(order.attempt.id)])
    seen = await world.ended(provider, order.attempt.id)
    assert (seen.ending, seen.message) == (Ending.NOT_STARTED, "stopped before it had started")
