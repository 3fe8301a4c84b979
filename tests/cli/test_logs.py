"""`tauon logs`: all of it or its end, one worker or all, from attempt to attempt."""

import json
from functools import partial

import pytest
import yaml

from tauon.cli.actions.logs import LogLine
from tauon.model.attempt import Outcome
from tests.cli.shell import Shell
from tests.cli.views import a_detail, a_job_view, a_waiting_job, an_attempt_view, an_ended_attempt, an_ended_job

MANY = b"".join(b"line %d of a long log\n" % number for number in range(1, 5001))


def test_one_workers_output_is_printed_as_it_is(shell: Shell) -> None:
    shell.plane.has(an_ended_job(1))
    shell.plane.outputs = {(1, 0): "10 %\r100 %\nno end, \u00e9".encode()}
    assert shell("logs", "j1").out == "10 %\r100 %\nno end, \u00e9"


def test_several_workers_are_told_apart(shell: Shell) -> None:
    shell.plane.has(an_ended_job(1, workers=2))
    shell.plane.outputs = {(1, 0): b"one\ntwo\n", (1, 1): b"three\nfour"}
    assert shell("logs", "j1").out == "[0] one\n[0] two\n[1] three\n[1] four\n"
    assert shell("logs", "j1", "--rank", "1").out == "three\nfour"


def test_as_data_every_line_is_one_value(shell: Shell) -> None:
    shell.plane.has(an_ended_job(1, workers=2))
    shell.plane.outputs = {(1, 0): b"one\n", (1, 1): b"two"}
    lines = [
        {"job": "j1", "attempt": 1, "rank": 0, "line": "one"},
        {"job": "j1", "attempt": 1, "rank": 1, "line": "two"},
    ]
    assert [json.loads(line) for line in shell("logs", "j1", "-o", "json").out.splitlines()] == lines
    assert list(yaml.safe_load_all(shell("logs", "j1", "-o", "yaml").out)) == lines
    assert LogLine.__struct_fields__ == tuple(lines[0])


@pytest.mark.parametrize("count", [0, 1, 3, 200, 5000, 9999])
def test_the_end_is_read_from_the_end(shell: Shell, count: int) -> None:
    shell.plane.has(an_ended_job(1))
    shell.plane.piece_bytes = 4096
    shell.plane.outputs = {(1, 0): MANY}
    lines = shell("logs", "j1", "--tail", str(count)).out.splitlines()
    assert lines == MANY.decode().splitlines()[max(0, 5000 - count) :]


def test_a_last_line_without_an_end_is_a_line(shell: Shell) -> None:
    shell.plane.has(an_ended_job(1))
    shell.plane.outputs = {(1, 0): b"a\nb\nc"}
    assert shell("logs", "j1", "-n", "2").out == "b\nc"


def test_the_latest_attempt_is_shown_unless_one_is_named(shell: Shell) -> None:
    job = a_detail(an_ended_job(1, attempts=2), attempts=[an_ended_attempt(1), an_ended_attempt(2)])
    shell.plane.has(job)
    shell.plane.outputs = {(1, 0): b"first\n", (2, 0): b"second\n"}
    assert shell("logs", "j1").out == "second\n"
    assert shell("logs", "j1", "--attempt", "1").out == "first\n"
    ran = shell("logs", "j1", "--attempt", "3")
    assert (ran.code, ran.err) == (4, "error: j1 has had 2 attempts, and none has the number 3\n")


def test_a_job_that_has_not_started_has_no_output(shell: Shell) -> None:
    shell.plane.has(a_detail(a_waiting_job(1), attempts=[]))
    ran = shell("logs", "j1")
    assert (ran.code, ran.out) == (4, "")
    assert "`tauon explain j1` says why" in ran.err


def test_following_goes_on_from_attempt_to_attempt(shell: Shell) -> None:
    preempted = an_ended_attempt(1, Outcome.PREEMPTED)
    waiting = a_detail(a_waiting_job(1, attempts=0), attempts=[])
    first = a_detail(a_job_view(1), attempts=[an_attempt_view(1)])
    again = a_detail(a_waiting_job(1, attempts=1), attempts=[preempted])
    second = a_detail(a_job_view(1, attempts=2), attempts=[preempted, an_attempt_view(2, pool="cloud")])
    over = a_detail(an_ended_job(1, attempts=2), attempts=[preempted, an_ended_attempt(2)])
    shell.plane.has(waiting)
    shell.plane.outputs = {(1, 0): b"first\n", (2, 0): b"second\n"}
    shell.plane.turns = [partial(shell.plane.has, detail) for detail in (first, again, second, over)]
    ran = shell("logs", "-f", "j1")
    assert (ran.code, ran.out) == (0, "first\nsecond\n")
    assert "--- attempt 2 on cloud ---" in ran.err


def test_an_attempt_that_never_wrote_anything_is_passed_over_while_following(shell: Shell) -> None:
    shell.plane.has(a_detail(an_ended_job(1), attempts=[an_ended_attempt(1, Outcome.START_FAILED)]))
    assert shell("logs", "-f", "j1").code == 0
    assert shell("logs", "j1").code == 4


def test_following_one_attempt_ends_with_it(shell: Shell) -> None:
    shell.plane.has(a_detail(a_job_view(1, attempts=2), attempts=[an_ended_attempt(1), an_attempt_view(2)]))
    shell.plane.outputs = {(1, 0): b"first\n", (2, 0): b"second\n"}
    assert shell("logs", "-f", "j1", "--attempt", "1").out == "first\n"
