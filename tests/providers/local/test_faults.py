"""Whatever is killed, in whatever order: nothing runs twice, nothing runs on unseen, nothing is lost without being told."""

from __future__ import annotations

import asyncio
import os
import random
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tauon.model.errors import ConfigError
from tauon.model.ids import AttemptId
from tauon.ports.providers import Ending, Phase
from tauon.supervision.node.folders import Folders
from tauon.supervision.node.identity import boot_id, open_pidfd, process_table, send_signal
from tauon.supervision.node.order import Status
from tauon.supervision.tracking import identity_of, read_status
from tests.house.source import ROOT, SOURCE
from tests.providers.contract import FOREVER, STUBBORN
from tests.providers.local.host import COUNT, the_run
from tests.providers.local.world import LocalWorld, command_of
from tests.providers.world import PATIENCE_S

pytestmark = pytest.mark.anyio


def status_of(world: LocalWorld, attempt: AttemptId) -> Status:
    status = read_status(Folders(world.folder / "provider").attempt(attempt))
    assert status is not None
    return status


def launchers() -> set[int]:
    """Of this test process."""
    return {row.pid for row in process_table() if row.parent == os.getpid() and "node/boot.py" in command_of(row.pid)}


def kill_launcher() -> None:
    """Kill the only one; returns when it is dead."""
    [launcher] = launchers()
    os.kill(launcher, signal.SIGKILL)
    os.waitid(os.P_PID, launcher, os.WEXITED | os.WNOWAIT)


def host_and_kill(folder: Path, lines: int) -> None:
    """Run a server in a folder and kill it when it has said so many lines."""
    command = [sys.executable, "-m", "tests.providers.local.host", str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(SOURCE)])}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        for _ in range(lines):
            assert server.stdout.readline()
        server.kill()


async def test_when_its_supervisor_is_killed_an_attempt_is_lost_and_nothing_of_it_runs_on(world: LocalWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(STUBBORN, workers=2))
    await world.says(provider, attempt, "child")
    await world.says(provider, attempt, "child", rank=1)
    os.kill(status_of(world, attempt)["supervisor"]["pid"], signal.SIGKILL)
    seen = await world.ended(provider, attempt)
    assert seen.ending is Ending.LOST
    assert "supervisor" in seen.message
    assert seen.exit_codes == (None, None)
    assert world.processes() == []


async def test_a_supervisor_killed_while_no_server_was_there_is_found_at_the_next_start(world: LocalWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(STUBBORN))
    await world.says(provider, attempt, "child")
    await world.abandon(provider)
    os.kill(status_of(world, attempt)["supervisor"]["pid"], signal.SIGKILL)
    provider = await world.open()
    assert (await world.ended(provider, attempt)).ending is Ending.LOST
    assert world.processes() == []
    await world.abandon(provider)
    provider = await world.open()  # it is written down, too
    assert [seen.ending for seen in (await provider.observe("")).attempts] == [Ending.LOST]


async def test_a_killed_launcher_is_replaced(world: LocalWorld) -> None:
    provider = await world.open()
    running = await world.started(provider, world.order(FOREVER))
    kill_launcher()
    assert (await world.ran(provider, world.order("true"))).exit_codes == (0,)
    assert (await world.seen(provider, running, lambda seen: True)).phase is Phase.RUNNING


async def test_the_launcher_ends_with_its_server(world: LocalWorld) -> None:
    provider = await world.open()
    assert len(launchers()) == 1
    await world.abandon(provider)
    assert launchers() == set()


@pytest.mark.parametrize("seed", range(6))
async def test_a_server_killed_at_any_moment_starts_nothing_twice(world: LocalWorld, seed: int) -> None:
    lines = random.Random(seed).randrange(1, 2 * COUNT + 1)
    await asyncio.to_thread(host_and_kill, world.folder, lines)
    provider = await world.open()
    orders = [world.order(the_run(world.folder)) for _ in range(COUNT)]
    for order in orders:
        assert await provider.start([order]) == []
    for order in orders:
        await world.says(provider, order.attempt.id, "ready")
    (world.folder / "go").touch()
    for order in orders:
        seen = await world.ended(provider, order.attempt.id)
        assert seen.exit_codes == (0,)
        checkpoints = world.folder / "provider" / "checkpoints" / order.job.id / "checkpoint"
        assert (checkpoints / "runs").read_text(encoding="ascii") == "x\n"


async def test_told_to_end_a_supervisor_gives_the_jobs_own_notice(world: LocalWorld) -> None:
    provider = await world.open()
    attempt = await world.started(
        provider, world.order("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    )
    await world.says(provider, attempt, "ready")
    os.kill(status_of(world, attempt)["supervisor"]["pid"], signal.SIGTERM)  # as a machine that shuts down does
    assert (await world.ended(provider, attempt)).exit_codes == (0,)
    assert b"saved" in await world.output(provider, attempt)


async def test_an_attempt_can_be_stopped_when_no_order_can_be_written(world: LocalWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(FOREVER))
    note = Folders(world.folder / "provider").attempt(attempt).stop
    (note / "in-the-way").mkdir(parents=True)
    assert await provider.stop([world.stop_order(attempt, notice_s=60)]) == []
    assert (await world.ended(provider, attempt)).exit_codes == (-15,)


async def test_a_folder_that_can_not_be_used_is_a_start_that_failed(world: LocalWorld) -> None:
    provider = await world.open()
    order = world.order("true")
    Folders(world.folder / "provider").attempt(order.attempt.id).path.write_text("in the way", encoding="ascii")
    seen = await world.ran(provider, order)
    assert seen.ending is Ending.NOT_STARTED
    assert "could not start it" in seen.message
    Folders(world.folder / "provider").attempt(order.attempt.id).path.unlink()


async def test_a_pool_whose_folder_can_not_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "provider").write_text("in the way", encoding="ascii")
    with pytest.raises(ConfigError, match="laptop"):
        await LocalWorld(tmp_path).open()


async def test_forgetting_what_still_runs_kills_it_first(world: LocalWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(STUBBORN))
    await world.says(provider, attempt, "child")
    await provider.forget(attempt)
    assert world.processes() == []
    assert (await provider.observe("")).attempts == ()


async def test_when_the_servers_home_is_removed_nothing_runs_on(world: LocalWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(STUBBORN))
    await world.says(provider, attempt, "child")
    supervisor = identity_of(status_of(world, attempt)["supervisor"])
    await world.abandon(provider)
    end = open_pidfd(supervisor, boot_id())
    assert end is not None
    await asyncio.to_thread(shutil.rmtree, world.folder / "provider")
    assert send_signal(supervisor, boot_id(), signal.SIGUSR1)  # it looks now and then, and whenever it is told to
    assert await asyncio.to_thread(select.select, [end], [], [], PATIENCE_S) != ([], [], [])
    os.close(end)
    assert world.processes() == []


async def test_a_status_cut_short_by_a_loss_of_power_is_nothing(world: LocalWorld) -> None:
    await world.abandon(await world.open())
    folder = Folders(world.folder / "provider").attempt("j1-1")
    folder.path.mkdir()
    folder.status.write_bytes(b'{"version": 1, "att')
    provider = await world.open()
    assert (await provider.observe("")).attempts == ()
