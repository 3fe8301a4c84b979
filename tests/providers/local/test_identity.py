"""A process is known by its id and its start, so a reused id is never taken for ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tauon.model.ids import AttemptId
from tauon.ports.providers import Ending
from tauon.supervision.node.folders import Folders
from tauon.supervision.node.identity import (
    Identity,
    boot_id,
    descendants,
    identify,
    is_alive,
    open_pidfd,
    parse_stat,
    process_table,
    send_signal,
)
from tauon.supervision.node.order import STATUS_VERSION, Phase, ProcessStatus, Status
from tests.providers.local.world import LocalWorld

BOOT = boot_id()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of ours."""
    with subprocess.Popen(["sleep", "3600"]) as process:
        yield process
        process.kill()


def test_a_command_with_spaces_and_brackets_is_read_past() -> None:
    fields = " ".join(str(number) for number in range(4, 53))
    row = parse_stat(f"42 (a) b (c) S {fields}".encode())
    assert (row.pid, row.state, row.parent, row.group, row.session) == (42, "S", 4, 5, 6)
    assert row.ticks == 14 + 15 + 16 + 17
    assert (row.started, row.resident_pages) == (22, 24)


def test_a_live_process_is_itself(stranger: subprocess.Popen[bytes]) -> None:
    who = identify(stranger.pid, BOOT)
    assert who is not None
    assert is_alive(who, BOOT)
    assert stranger.pid in {row.pid for row in descendants(os.getpid(), process_table())}


@pytest.mark.parametrize("change", [lambda who: who._replace(started=1), lambda who: who._replace(boot="another")])
def test_another_process_with_the_same_id_is_not_it(
    stranger: subprocess.Popen[bytes], change: Callable[[Identity], Identity]
) -> None:
    who = identify(stranger.pid, BOOT)
    assert who is not None
    other = change(who)
    assert not is_alive(other, BOOT)
    assert open_pidfd(other, BOOT) is None
    assert not send_signal(other, BOOT, signal.SIGKILL)
    assert stranger.poll() is None


def test_a_signal_reaches_the_very_process(stranger: subprocess.Popen[bytes]) -> None:
    who = identify(stranger.pid, BOOT)
    assert who is not None
    assert send_signal(who, BOOT, signal.SIGTERM)
    assert stranger.wait() == -signal.SIGTERM
    assert not send_signal(who, BOOT, signal.SIGTERM)


def test_what_waits_to_be_buried_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()  # it has ended, or is about to
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert identify(process.pid, BOOT) is None


@pytest.mark.anyio
async def test_an_attempt_whose_supervisor_id_is_reused_is_lost_and_the_stranger_lives(
    world: LocalWorld, stranger: subprocess.Popen[bytes]
) -> None:
    await world.abandon(await world.open())
    recorded = ProcessStatus(pid=stranger.pid, started=1, boot=BOOT)
    status = Status(
        version=STATUS_VERSION,
        attempt="j1-1",
        revision=2,
        phase=Phase.RUNNING,
        ending="",
        exits=[None],
        failed_rank=None,
        message="",
        supervisor=recorded,
        workers=[recorded],
        cgroups=[],
    )
    folder = Folders(world.folder / "provider").attempt("j1-1")
    folder.path.mkdir()
    folder.status.write_bytes(msgspec.json.encode(status))
    provider = await world.open()
    seen = await world.ended(provider, AttemptId("j1-1"))
    assert seen.ending is Ending.LOST
    assert stranger.poll() is None


@pytest.mark.anyio
async def test_after_a_restart_of_the_machine_what_ran_is_lost(world: LocalWorld) -> None:
    provider = await world.open()
    order = world.order("exit 0")
    await world.ran(provider, order)
    await world.abandon(provider)
    folder = Folders(world.folder / "provider").attempt(order.attempt.id)
    status = msgspec.json.decode(folder.status.read_bytes(), type=Status)
    status["phase"], status["ending"], status["exits"] = Phase.RUNNING, "", [None]
    status["supervisor"] = ProcessStatus(pid=os.getpid(), started=status["supervisor"]["started"], boot="before")
    folder.status.write_bytes(msgspec.json.encode(status))
    provider = await world.open()
    seen = await world.ended(provider, order.attempt.id)
    assert (seen.ending, seen.message) == (Ending.LOST, "the machine was restarted")
