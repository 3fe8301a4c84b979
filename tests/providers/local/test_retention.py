"""Logs and checkpoints go when they are old or too many, and never while their attempt or job is about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tauon.providers.local.options import LocalOptions
from tauon.supervision.node.folders import Folders
from tauon.supervision.retention import prune, touch_checkpoint
from tests.providers.local.world import LocalWorld

NOW_S = 1_800_000_000.0
DAY_S = 86_400.0


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path)
    made.create()
    return made


def a_log(folders: Folders, attempt: str, *, age_days: float, size: int = 10) -> Path:
    folder = folders.logs / attempt
    folder.mkdir()
    file = folder / "0.00000000000000000000.log"
    file.write_bytes(b"x" * size)
    for path in (file, folder):
        os.utime(path, (NOW_S - age_days * DAY_S,) * 2)
    return folder


def a_checkpoint(folders: Folders, job: str, *, age_days: float) -> Path:
    folder = folders.checkpoints / job
    folder.mkdir()
    os.utime(folder, (NOW_S - age_days * DAY_S,) * 2)
    return folder


def test_old_logs_go(folders: Folders) -> None:
    old, new = a_log(folders, "j1-1", age_days=31), a_log(folders, "j2-1", age_days=29)
    prune(folders, LocalOptions(), NOW_S)
    assert (old.exists(), new.exists()) == (False, True)


def test_the_oldest_logs_beyond_the_space_for_them_go(folders: Folders) -> None:
    logs = [a_log(folders, f"j{age}-1", age_days=age, size=400 << 10) for age in (1, 2, 3)]
    prune(folders, LocalOptions(logs_keep_mib=1), NOW_S)
    assert [log.exists() for log in logs] == [True, True, False]


def test_logs_of_an_attempt_that_is_not_forgotten_stay(folders: Folders) -> None:
    log = a_log(folders, "j1-1", age_days=99)
    folders.attempt("j1-1").path.mkdir()
    prune(folders, LocalOptions(logs_keep_mib=0), NOW_S)
    assert log.exists()


def test_checkpoints_go_when_nobody_used_them_for_long(folders: Folders) -> None:
    old, used = a_checkpoint(folders, "j1", age_days=31), a_checkpoint(folders, "j2", age_days=31)
    running = a_checkpoint(folders, "j3", age_days=31)
    touch_checkpoint(folders, "j2")
    os.utime(used, (NOW_S, NOW_S))
    folders.attempt("j3-4").path.mkdir()
    prune(folders, LocalOptions(), NOW_S)
    assert (old.exists(), used.exists(), running.exists()) == (False, True, True)


def test_a_checkpoint_with_folders_in_it_is_removed_whole(folders: Folders) -> None:
    old = a_checkpoint(folders, "j1", age_days=31)
    (old / "checkpoint" / "step-1").mkdir(parents=True)
    for path in (old / "checkpoint" / "step-1", old / "checkpoint", old):
        os.utime(path, (NOW_S - 31 * DAY_S,) * 2)
    prune(folders, LocalOptions(), NOW_S)
    assert not old.exists()


@pytest.mark.anyio
async def test_the_work_folder_of_a_forgotten_attempt_goes_and_its_output_stays(world: LocalWorld) -> None:
    provider = await world.open()
    order = world.order("echo kept > file; echo said")
    await world.ran(provider, order)
    folders = Folders(world.folder / "provider")
    assert folders.attempt(order.attempt.id).work(0).is_dir()
    await provider.forget(order.attempt.id)
    assert not folders.attempt(order.attempt.id).path.exists()
    assert await world.output(provider, order.attempt.id) == b"said\n"
