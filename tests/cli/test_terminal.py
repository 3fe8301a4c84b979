"""On a real terminal: width, colour, patience, prompts, interrupts; and pipes that are closed early."""

import re
import subprocess
import sys

import pytest

from tauon.cli.faults import BROKEN_PIPE, INTERRUPTED
from tests.cli.terminal import ROOT, clean_environment, terminal


def test_a_table_fits_the_terminal_and_has_colour() -> None:
    for width in (80, 120):
        with terminal("ps", width=width) as shown:
            assert shown.end() == 0
        lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.shown).splitlines()
        assert len(lines) == 1 + 100 + 1  # the title, as many as are asked for, and that there are more
        assert 60 < max(map(len, lines)) <= width
        assert "\x1b[32mrunning" in shown.shown


@pytest.mark.parametrize(
    ("flags", "environment"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})]
)
def test_colour_can_be_declined(flags: list[str], environment: dict[str, str]) -> None:
    with terminal("ps", *flags, environment=environment) as shown:
        assert shown.end() == 0
    assert "\x1b" not in shown.shown


def test_who_waits_sees_for_what_and_nothing_of_it_stays() -> None:
    with terminal("ps", environment={"TAUON_TEST_DELAY_S": "2.5"}) as shown:
        shown.read_until("asking the server")
        assert shown.end() == 0
    assert shown.shown.count("JOB") == 1
    assert "\x1b[2K" in shown.shown  # the line was taken back


def test_an_interrupted_wait_says_that_the_job_goes_on() -> None:
    with terminal("run", "--wait", "--", "true") as shown:
        shown.read_until("j1 (true) is queued")
        shown.read_until("8 H100 are needed and 4 are free")  # why it waits
        shown.interrupt()
        assert shown.end() == INTERRUPTED
    assert "You no longer watch j1, which goes on. `tauon cancel j1` stops it." in shown.shown


def test_a_watched_list_is_redrawn_on_a_screen_of_its_own() -> None:
    with terminal("ps", "-w") as shown:
        shown.read_until("train-101")
        shown.interrupt()
        assert shown.end() == INTERRUPTED
    assert shown.shown.count("\x1b[?1049h") == shown.shown.count("\x1b[?1049l") == 1
    assert "Traceback" not in shown.shown


def test_a_secret_is_asked_for_without_echo() -> None:
    with terminal("secret", "set", "TOKEN") as shown:
        shown.read_until("Value of TOKEN:")
        shown.type("s3cret\n")
        assert shown.end() == 0
    assert "s3cret" not in shown.shown


def test_a_terminal_without_unicode_is_no_failure() -> None:
    with terminal("top", environment={"PYTHONIOENCODING": "ascii"}) as shown:
        assert shown.end() == 0
    assert "running - " in re.sub(r"\x1b\[[0-9;]*m", "", shown.shown)
    assert shown.shown.isascii()


@pytest.mark.parametrize("arguments", [["logs", "j2"], ["ps", "-n", "0"]])
def test_a_pipe_that_is_closed_early_ends_it_quietly(arguments: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.terminal", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=clean_environment(),
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()
    assert complaints == b""
    assert process.returncode == (BROKEN_PIPE if arguments[0] == "logs" else 0)
