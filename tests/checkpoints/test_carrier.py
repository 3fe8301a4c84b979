"""Carrying: an attempt starts with what the last one saved, wherever that was, and its end waits for what it saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tauon.checkpoints import carrier as room
from tauon.checkpoints.archive import Archive
from tauon.checkpoints.carrier import Carrier
from tauon.checkpoints.places import FolderPlace
from tauon.model.attempt import StopCause
from tauon.model.errors import Unavailable
from tauon.model.ids import AttemptId, JobId
from tauon.model.job import CheckpointPolicy, Job
from tauon.ports.checkpoints import Kept
from tauon.ports.providers import AttemptObserved, Ending, Phase, StartOrder, StopOrder
from tests.builders import a_job, an_attempt
from tests.reconciler.engine import ScriptedEngine

pytestmark = pytest.mark.anyio


class Engine(ScriptedEngine):
    """An engine with a place for checkpoints."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def checkpoint_folder(self, job: Job) -> Path:
        return self.root / job.id / "checkpoint"


class Refuses(Archive):
    """An archive that can't be written."""

    def save(self, job: JobId, folder: Path) -> Kept | None:
        raise Unavailable("the bucket refuses writes")


class Pool:
    """One pool whose jobs' checkpoints travel."""

    def __init__(self, root: Path, name: str, archive: Archive | None = None, allowed: bool = True) -> None:
        self.root = root / name
        self.kept = archive or Archive(FolderPlace(root / "kept"))
        self.engine = Engine(self.root)
        self.allowed = allowed
        self.wakes = 0
        self.carrier = self.opened()

    def opened(self) -> Carrier:
        def wake() -> None:
            self.wakes += 1

        memory = self.root / "carried"
        return Carrier(self.engine, self.kept, memory=memory, wake=wake, is_allowed=lambda _: self.allowed)

    def writes(self, job: Job, text: str) -> None:
        folder = self.engine.checkpoint_folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "state").write_text(text)

    def has(self, job: Job) -> str:
        path = self.engine.checkpoint_folder(job) / "state"
        return path.read_text() if path.exists() else ""

    async def start(self, job: Job, number: int) -> AttemptId:
        attempt = an_attempt(job, number=number)
        assert not await self.carrier.start([StartOrder(job=job, attempt=attempt, nodes={})])
        await until(lambda: attempt.id in self.engine.starts)
        self.engine.tell(attempt.id, Phase.RUNNING)
        return attempt.id

    async def ends(self, attempt: AttemptId, *codes: int, stop: bool = False) -> AttemptObserved:
        if stop:
            await self.carrier.stop([StopOrder(attempt=attempt, cause=StopCause.PREEMPTED)])
        self.engine.tell(attempt, Phase.ENDED, Ending.EXITED, *codes)
        for _ in range(2000):
            for seen in (await self.carrier.observe("")).attempts:
                if seen.id == attempt and seen.phase is Phase.ENDED:
                    return seen
            await asyncio.sleep(0.005)
        raise AssertionError(f"{attempt} never ended")


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(room, "LEAST_INTERVAL_S", 0.01)


JOB = a_job(checkpoint=CheckpointPolicy())


async def test_what_one_pool_saved_the_next_one_has_and_back_again(tmp_path: Path) -> None:
    here, there = Pool(tmp_path, "here"), Pool(tmp_path, "there")
    first = await here.start(JOB, 1)
    here.writes(JOB, "one")
    assert (await here.ends(first, -15, stop=True)).exit_codes == (-15,)
    second = await there.start(JOB, 2)
    assert there.has(JOB) == "one"
    there.writes(JOB, "two")
    await there.ends(second, 0, stop=True)
    await here.start(JOB, 3)
    assert here.has(JOB) == "two"


async def test_the_same_pool_keeps_what_is_newer_there(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "here")
    first = await pool.start(JOB, 1)
    pool.writes(JOB, "one")
    await pool.ends(first, -15)
    pool.writes(JOB, "written after the last was sent")
    await pool.start(JOB, 2)
    assert pool.has(JOB) == "written after the last was sent"


async def test_it_is_sent_now_and_then_while_it_runs(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "here")
    await pool.start(JOB, 1)
    pool.writes(JOB, "one")
    await pool.carrier.observe("")
    await until(lambda: pool.kept.newest(JOB.id) >= 1)
    pool.writes(JOB, "two, longer")
    await until(lambda: pool.kept.newest(JOB.id) >= 2)
    await pool.carrier.close()


async def test_the_end_is_not_known_before_the_last_is_kept(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "here")
    first = await pool.start(JOB, 1)
    await pool.carrier.observe("")
    pool.writes(JOB, "one")
    pool.engine.tell(first, Phase.ENDED, Ending.EXITED, -15)
    [seen] = (await pool.carrier.observe("")).attempts
    assert seen.phase is Phase.RUNNING
    await until(lambda: pool.wakes > 1)
    assert pool.kept.newest(JOB.id) >= 1


async def test_what_succeeded_is_kept_no_longer_and_what_was_stopped_is(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "here")
    first = await pool.start(JOB, 1)
    pool.writes(JOB, "one")
    await pool.ends(first, 0, stop=True)  # it saved at the notice and left
    await pool.carrier.forget(first)
    assert pool.kept.newest(JOB.id) >= 1
    second = await pool.start(JOB, 2)
    await pool.ends(second, 0)
    await pool.carrier.forget(second)
    await until(lambda: pool.kept.newest(JOB.id) == 0)


async def test_a_store_that_refuses_is_said_and_ends_nothing(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "here", Refuses(FolderPlace(tmp_path / "kept")))
    first = await pool.start(JOB, 1)
    pool.writes(JOB, "one")
    ended = await pool.ends(first, -15)
    assert "its last checkpoint was not kept: the bucket refuses writes" in ended.message


async def test_after_a_restart_it_goes_on_where_it_was(tmp_path: Path) -> None:
    here, there = Pool(tmp_path, "here"), Pool(tmp_path, "there")
    first = await here.start(JOB, 1)
    here.writes(JOB, "one")
    here.carrier = here.opened()
    await here.ends(first, -15)
    await there.start(JOB, 2)
    assert there.has(JOB) == "one"


async def test_what_is_stopped_before_its_checkpoint_has_come_never_starts(tmp_path: Path) -> None:
    here, there = Pool(tmp_path, "here"), Pool(tmp_path, "there")
    first = await here.start(JOB, 1)
    here.writes(JOB, "one")
    await here.ends(first, -15)
    attempt = an_attempt(JOB, number=2)
    await there.carrier.start([StartOrder(job=JOB, attempt=attempt, nodes={})])
    [seen] = (await there.carrier.observe("")).attempts
    assert seen.phase is Phase.STARTING
    await there.carrier.stop([StopOrder(attempt=attempt.id, cause=StopCause.CANCELLED)])
    await until(lambda: there.wakes > 0)
    [seen] = (await there.carrier.observe("")).attempts
    assert (seen.phase, seen.ending) == (Phase.ENDED, Ending.NOT_STARTED)
    assert there.engine.starts == []


async def test_what_may_not_leave_is_not_kept_and_other_work_passes_through(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "here", allowed=False)
    first = await pool.start(JOB, 1)
    pool.writes(JOB, "one")
    await pool.ends(first, -15)
    assert pool.kept.newest(JOB.id) == 0
    pool.allowed = True
    plain = a_job(2)
    second = await pool.start(plain, 1)
    assert (await pool.ends(second, 0)).exit_codes == (0,)
