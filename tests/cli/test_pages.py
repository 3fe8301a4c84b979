"""Pages look as they are meant to: on a narrow and a wide terminal, in a pipe, with and without colour."""

from typing import Any

import pytest
from click import unstyle

from tauon.cli.render.explain import explanation
from tauon.cli.render.jobs import exit_code_text, job_detail, job_list
from tauon.cli.render.table import width_of
from tauon.cli.render.top import overview
from tauon.model.job import JobState
from tauon.model.plan import WaitCode
from tauon.service.views import Explanation, RunTimeView
from tests.cli.pages import DETAIL, JOBS, PAGES, WIDTHS, written
from tests.cli.views import PIPE, a_detail, a_job_view, a_screen, a_top, a_waiting_job, an_accelerator, an_ended_attempt


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_looks_as_it_is_meant_to(page: str, width: str) -> None:
    shown = PAGES[page](a_screen(WIDTHS[width]))
    assert shown + "\n" == written(page, width).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_wider_than_the_terminal(page: str) -> None:
    for width in (80, 100, 132):
        assert all(width_of(line) <= width for line in PAGES[page](a_screen(width)).splitlines())


@pytest.mark.parametrize("page", PAGES)
def test_colour_changes_nothing_but_colour(page: str) -> None:
    plain, coloured = (PAGES[page](a_screen(100, has_colour=colour)) for colour in (False, True))
    assert unstyle(coloured) == plain
    assert "\x1b" not in plain


@pytest.mark.parametrize("page", PAGES)
def test_a_terminal_without_unicode_gets_none(page: str) -> None:
    assert PAGES[page](a_screen(100, has_unicode=False)).isascii()


@pytest.mark.parametrize("page", PAGES)
def test_a_pipe_gets_everything_and_nothing_for_the_eye(page: str) -> None:
    shown = PAGES[page](PIPE)
    assert not set(shown) & set("█▏▎▍▌▋▊▉…\x1b")


def test_an_empty_list_prints_nothing() -> None:
    assert job_list([], PIPE) == ""


def test_a_job_without_anything_to_say_has_a_short_page() -> None:
    job = a_waiting_job(1, attempts=0)
    shown = job_detail(a_detail(job, attempts=[], accelerator_hours=0.0), PIPE)
    assert "Attempts" not in shown
    assert "Started" not in shown
    assert "Labels" not in shown


def test_names_cannot_command_the_terminal() -> None:
    evil = a_job_view(1, name="x\x1b]0;title\x07", message="a\x1b[2Jb")
    for shown in (job_list([evil], PIPE), job_detail(a_detail(evil, spec={"run": "echo \x1b[2J\x07"}), PIPE)):
        assert "\x1b" not in shown
        assert "\x07" not in shown


def test_many_workers_of_an_attempt_are_counted() -> None:
    attempt = an_ended_attempt(1, workers=[f"n{i}:0" for i in range(64)])
    assert "n0:0 and 63 more" in job_detail(a_detail(attempts=[attempt]), PIPE)


def test_the_reason_for_an_end_is_never_cut() -> None:
    reason = "the node was lost " * 12
    shown = job_detail(a_detail(attempts=[an_ended_attempt(1, message=reason)]), a_screen(80))
    assert " ".join(shown.split()).count("the node was lost") == 12


@pytest.mark.parametrize(
    ("code", "told"), [(3, "exit code 3"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")]
)
def test_exit_codes_are_told(code: int, told: str) -> None:
    assert exit_code_text(code) == told


def an_explanation(code: WaitCode | None, **fields: object) -> Explanation:
    defaults: dict[str, object] = {
        "job": "j4",
        "state": JobState.QUEUED,
        "code": code,
        "message": "it waits",
        "ahead": 0,
        "waits_for": [],
        "pools": [],
    }
    return Explanation(**(defaults | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("code", WaitCode)
def test_every_reason_comes_with_what_can_be_done(code: WaitCode) -> None:
    assert explanation(an_explanation(code), PIPE).count("\n\n") == 1


def test_whom_a_job_waits_for_is_said_once() -> None:
    told = an_explanation(WaitCode.DEPENDENCY, message="it waits for j1 to succeed", waits_for=["j1"])
    assert explanation(told, PIPE).count("j1") == 1
    many = an_explanation(WaitCode.CAPACITY, waits_for=[f"j{i}" for i in range(9)])
    assert "It waits for j0, j1, j2, j3, j4 and 4 more." in explanation(many, PIPE)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"starts_in_s": 2400.0, "starts_after": ["j12", "j15"]}, "in about 40m, when j12 and j15 have ended, if"),
        (
            {"starts_in_s": 90.0, "starts_after": ["j12"]},
            "in about 1m 30s, when j12 has ended, if nothing more urgent comes.",
        ),
        ({"starts_in_s": 0.0}, "It is expected to start in about 0s, if nothing more urgent comes."),
        ({"start_unknown": "nothing tells when j1 will end"}, "start can't be said: nothing tells when j1 will end."),
    ],
)
def test_when_a_job_will_start_is_told(fields: dict[str, Any], said: str) -> None:
    assert said in explanation(an_explanation(WaitCode.CAPACITY, **fields), PIPE).replace("\n", " ")


@pytest.mark.parametrize(
    ("state", "jobs", "said"),
    [
        (JobState.QUEUED, 12, "It takes about 2h; 10m to 9h 30m in four of five cases, going by 12 jobs like it."),
        (JobState.RUNNING, 1, "It takes about 2h more; 10m to 9h 30m in four of five cases, going by 1 job like it."),
        (JobState.QUEUED, 0, "It takes about 2h; 10m to 9h 30m in four of five cases, going by jobs of its queue."),
    ],
)
def test_how_long_a_job_takes_is_told_with_what_that_rests_on(state: JobState, jobs: int, said: str) -> None:
    found = RunTimeView(low_s=600.0, middle_s=7_200.0, high_s=34_200.0, jobs=jobs)
    assert said in explanation(an_explanation(None, state=state, run_time=found), PIPE)
    detail = a_detail(a_job_view(1, state=state), run_time=found)
    assert said.removeprefix("It takes ").removesuffix(".") in job_detail(detail, PIPE)


def test_how_good_such_guesses_were_of_late_is_told_with_them() -> None:
    found = RunTimeView(
        low_s=600.0, middle_s=7_200.0, high_s=34_200.0, jobs=3, error_ratio=1.84, coverage=0.9, skill=0.4
    )
    told = job_detail(a_detail(a_job_view(1), run_time=found), PIPE)
    assert "of late such a guess was typically 1.8 times too long or too short" in told


def test_a_failed_job_says_where_to_look() -> None:
    failed = an_explanation(None, state=JobState.FAILED, message="worker 0 exited with code 1")
    assert "`tauon logs j4`" in explanation(failed, PIPE)


def test_a_large_fleet_is_counted_rather_than_shown() -> None:
    fleet = a_top(*[an_accelerator(i % 8, node=f"n{i // 8}", job="j1" if i % 8 == 0 else "") for i in range(800)])
    shown = overview(fleet, a_screen(80))
    assert shown.splitlines()[-1] == "and 544 more accelerators; 100 of 800 are held"
    assert len(overview(fleet, PIPE).splitlines()) == 2 + 1 + 200


def test_the_list_keeps_what_matters_at_any_width() -> None:
    for width in range(60, 140):
        assert "JOB  NAME" in job_list(JOBS, a_screen(width))
        assert job_detail(DETAIL, a_screen(width)).count("preempted") == 2
