"""The whole demo as a newcomer starts it: from the command to the last line, and what is left when it is interrupted."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tauon.cli.demo.mix import SERVER_CONFIG
from tauon.cli.demo.run import run_demo
from tauon.cli.screen import Screen
from tauon.main.embedded import control_plane
from tauon.service.config_file import read_config

PATIENCE_S = 200


@contextmanager
def the_demo(home: Path) -> Iterator[subprocess.Popen[str]]:
    """`tauon demo` with its state in a folder of the test, as in a pipe."""
    command = [sys.executable, "-m", "tauon.main", "--home", str(home), "demo"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield demo
    finally:
        demo.kill()
        demo.communicate()


def processes_that_mention(home: Path) -> list[str]:
    """Every process whose command, folder or variables lead to this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            variables = f"{process.cmdline()} {process.cwd()} {process.environ()}"
        except psutil.Error:
            continue
        if str(home) in variables and process.pid != os.getpid():
            found.append(f"{process.pid} {variables[:200]}")
    return found


def test_the_demo_comes_true(tmp_path: Path) -> None:
    with the_demo(tmp_path) as demo:
        written, _ = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 0, written
    told = (
        "search is told to stop within 10 s (preempted): preempted by incident: priority 100 over -10",
        "search (attempt 2) runs",
        "download (attempt 2) runs",
        "incident waits: it preempts search",
        "evaluate waits: it waits for train to succeed",
        "Usage by queue",
        "Usage by job",
        "all of it came true.",
    )
    assert [sentence for sentence in told if sentence not in written] == []
    assert "WRONG" not in written
    assert re.search(
        r"preempted after trial ([1-9][0-9]*) of [0-9]+, resumed at trial \1, 0 trials done twice", written
    )
    assert "\x1b" not in written


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    with the_demo(tmp_path) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.endswith("train runs\n"):
                break
        demo.send_signal(number)
        rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, rest
    assert re.search(r"[0-9] jobs of the demo cancelled; nothing of it is left running\.", rest)
    assert processes_that_mention(tmp_path) == []


def test_a_demo_that_did_not_come_true_says_what_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> int:
        async with control_plane(tmp_path, str(tmp_path / "tauon.db"), read_config(SERVER_CONFIG)) as running:
            # Too few steps to learn anything.
            return await run_demo(running.control_plane_for("ada"), screen=Screen(), scale=0.01)

    assert asyncio.run(scenario()) == 1
    written = capsys.readouterr().out
    assert re.search(r"^WRONG +train ", written, flags=re.MULTILINE), written
    assert "The demo went wrong: train" in written
