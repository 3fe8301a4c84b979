"""Whatever goes wrong becomes one sentence and an exit code; only a bug leaves a traceback, and in a file."""

import errno
import re
from pathlib import Path

import click
import pytest

from tauon.cli.faults import Faults
from tauon.model import errors
from tests.cli.shell import Shell
from tests.cli.views import a_job_view

RAISED: list[tuple[Exception, int]] = [
    (errors.InvalidRequest("no"), 2),
    (errors.InvalidSpec("no"), 2),
    (errors.Infeasible("no"), 2),
    (errors.NotSupported("no"), 2),
    (errors.ConfigError("no"), 3),
    (errors.NotFound("no"), 4),
    (errors.Conflict("no"), 5),
    (errors.AccessDenied("no"), 6),
    (errors.Unavailable("no"), 7),
    (errors.StorageUnavailable("no"), 7),
    (errors.Rejected("no"), 1),
    (ExceptionGroup("several", [errors.NotFound("no")]), 4),
]


@pytest.mark.parametrize(("error", "code"), RAISED, ids=lambda value: type(value).__name__)
def test_every_error_of_the_tree_has_its_code_and_one_line(shell: Shell, error: Exception, code: int) -> None:
    shell.wiring.refusal = error
    ran = shell("queues")
    assert (ran.code, ran.out, ran.err) == (code, "", "error: no\n")


def test_an_error_of_the_system_is_no_bug(shell: Shell) -> None:
    shell.wiring.refusal = OSError(errno.EACCES, "Permission denied", "/root/x")
    ran = shell("queues")
    assert (ran.code, ran.err) == (1, "error: /root/x: permission denied\n")


@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), errors.InvariantViolated("oops")])
def test_a_bug_is_one_line_and_its_traceback_a_file_for_this_person_only(shell: Shell, error: Exception) -> None:
    shell.wiring.refusal = error
    ran = shell("queues")
    assert (ran.code, ran.out) == (1, "")
    told = re.fullmatch(r"error: this is a bug in Tauon: (\w+): oops; the traceback is in (.+)\n", ran.err)
    assert told
    kept = Path(told[2])
    assert "Traceback" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    kept.unlink()


def test_a_traceback_is_shown_to_those_who_ask(shell: Shell) -> None:
    shell.wiring.refusal = ZeroDivisionError("oops")
    ran = shell("queues", "--debug")
    assert "Traceback" in ran.err
    assert ran.err.endswith("error: this is a bug in Tauon: ZeroDivisionError: oops\n")
    assert "Traceback" not in shell("run", "--dry-run", "--", "x", "--debug").err


def test_an_interrupt_is_code_130_and_silent(shell: Shell) -> None:
    assert Faults(is_plain=True, is_debugging=False).told(KeyboardInterrupt()) == 130
    assert Faults(is_plain=True, is_debugging=False).told(click.Abort()) == 130
    assert Faults(is_plain=True, is_debugging=False).told(SystemExit(3)) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pss"], "error: there is no command `pss`; did you mean `ps`?\n"),
        (["zzzzz"], "error: there is no command `zzzzz`; `tauon --help` lists them\n"),
        (["nodes", "drian", "n1"], "error: there is no command `drian`; did you mean `drain`?\n"),
        (["ps", "--stat", "queued"], "error: no such option '--stat'"),
        (["ps", "-s", "sleeping"], "error: invalid value for '-s' / '--state': 'sleeping' is not one of"),
        (["show"], "error: missing argument 'JOB'\n"),
        (["usage", "--by", "team"], "error: invalid value for '-b' / '--by': one of queue, user, job"),
        (["logs", "j1", "--rank", "-1"], "error: invalid value for '--rank'"),
        (["up", "--port", "99999"], "error: invalid value for '--port'"),
    ],
)
def test_misuse_is_code_2_and_says_what_was_meant(shell: Shell, arguments: list[str], said: str) -> None:
    ran = shell(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(said)
    assert len(ran.err.splitlines()) <= 2


def test_a_failure_in_the_middle_of_an_answer_is_told_too(shell: Shell) -> None:
    shell.plane.has(a_job_view(1))
    shell.plane.raises = errors.Unavailable("the connection broke")
    assert shell("show", "j1").code == 7
