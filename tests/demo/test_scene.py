"""A scene tells what happened by name, and knows who waited for how long and why."""

from __future__ import annotations

import asyncio
import io
import re

import pytest
from rich.console import Console

from tauon.cli.demo.lines import Lines
from tauon.cli.demo.live import Picture
from tauon.cli.demo.picture import frame
from tauon.cli.demo.scene import Scene
from tauon.cli.screen import Screen
from tauon.model.job import JobState
from tauon.model.plan import WaitCode
from tests.demo.scenes import TOKEN, a_job_view, a_reason, a_scene, a_submission, a_top, an_event


def test_jobs_of_others_are_passed_over() -> None:
    scene = a_scene(["train"])
    scene.hear(a_submission(1, 7, "theirs", token="other"))
    scene.hear(an_event(2, "JobSucceeded", 7))
    assert list(scene.names.values()) == ["train"]
    assert len(scene.told) == 1


def test_jobs_are_told_by_name_and_attempt() -> None:
    scene = a_scene(["train", "search"])
    assert scene.told[1].text == "ada submitted search to queue research"
    assert scene.named("j2-1 runs, j2-2 was given H100:1; preempted by j1 (train): j9 stays") == (
        "search runs, search (attempt 2) was given H100:1; preempted by train: j9 stays"
    )


def test_a_wait_lasts_from_the_queue_to_the_place_and_keeps_its_reasons() -> None:
    scene = a_scene(["search"])
    waiting = a_job_view(1, "search", state=JobState.QUEUED)
    scene.look([waiting], a_top(1), [a_reason(1, "taken by j1")], None)
    assert scene.why("search") == "taken by search"
    scene.look([waiting], a_top(2), [a_reason(1, "taken by j1")], None)
    scene.hear(an_event(3, "AttemptPlaced", 1))
    scene.hear(an_event(8, "JobRequeued", 1))
    scene.look([waiting], a_top(9), [a_reason(1, "taken by j1"), a_reason(1, "something else")], None)
    first, second = scene.waits["search"]
    assert (first.from_s, first.to_s, first.reasons) == (0, 3, ["taken by search"])
    assert (second.from_s, second.to_s, second.reasons) == (8, None, ["taken by search", "something else"])
    assert [told.text for told in scene.told if "waits" in told.text] == [
        "search waits: taken by search",
        "search waits: something else",
    ]


def test_a_retry_is_told_by_the_journal_alone() -> None:
    scene = a_scene(["download"])
    scene.look([], a_top(1), [a_reason(1, "trying again in 1 s", WaitCode.BACKOFF)], None)
    assert scene.waits["download"][0].reasons == ["trying again in 1 s"]
    assert not any("waits" in told.text for told in scene.told)


def test_an_event_names_the_attempt_that_it_is_about() -> None:
    scene = a_scene(["train"])
    assert scene.attempt_of(an_event(1, "AttemptRunning", 1, attempt_id="j1-2")) == ("train", 2)
    assert scene.attempt_of(an_event(1, "AttemptRunning", 7, attempt_id="j7-1")) is None
    assert scene.attempt_of(an_event(1, "JobSucceeded", 1)) is None


def test_until_returns_once_a_look_or_a_line_makes_it_so() -> None:
    async def scenario() -> None:
        scene = a_scene(["search"])
        saved = asyncio.create_task(scene.until(lambda: bool(scene.lines("search"))))
        await asyncio.sleep(0)
        scene.look([], a_top(1), [], None)
        await asyncio.sleep(0)
        assert not saved.done()
        scene.read("search", 1, "saved")
        await asyncio.wait_for(saved, 5)

    asyncio.run(scenario())


def test_lines_print_each_sentence_once(capsys: pytest.CaptureFixture[str]) -> None:
    scene = a_scene(["train"])
    lines = Lines(scene)
    lines.show()
    lines.show()
    scene.hear(an_event(2, "AttemptRunning", 1, "j1-1 runs", attempt_id="j1-1"))
    lines.end()
    assert capsys.readouterr().out == ("   0.0 s  ada submitted train to queue research\n   2.0 s  train runs\n")


def test_a_frame_shows_accelerators_jobs_reasons_and_the_story() -> None:
    scene = a_scene(["train", "search"])
    jobs = [a_job_view(2, "search", state=JobState.QUEUED), a_job_view(1, "train", state=JobState.RUNNING)]
    scene.look(jobs, a_top(3, ["j1", "j1", ""]), [a_reason(2, "H100 is taken by j1")], None)
    scene.read("train", 1, "saved at step 5")
    lines = frame(scene, Screen(width=120)).splitlines()
    assert lines[0] == "Tauon · 3s · 3 x H100 (virtual) at $10.00 an hour"
    assert lines[2] == "[0 train   ] [1 train   ] [2 idle    ]"
    assert [line.split()[0] for line in lines[4:7]] == ["JOB", "train", "search"]
    assert lines[5].endswith("saved at step 5")
    assert lines[6].endswith("H100 is taken by train")
    assert lines[-1] == "  3.0 s  search waits: H100 is taken by train"


def test_a_frame_fits_a_narrow_terminal_and_has_colour_where_it_may() -> None:
    scene = a_scene()
    scene.look([a_job_view(1, "train")], a_top(3, ["j1"] * 12), [], None)
    scene.read("train", 1, "x" * 200)
    assert all(len(line) <= 60 for line in frame(scene, Screen(width=60)).splitlines())
    assert "\x1b[" in frame(scene, Screen(width=60, has_colour=True))


def test_a_picture_is_drawn_again_in_its_place_as_wide_as_the_terminal() -> None:
    scene = a_scene(["train"])
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=70, height=30, _environ={"TERM": "xterm"})
    picture = Picture(scene, Screen(width=200), console)
    picture.begin()
    picture.show()
    scene.look([a_job_view(1, "train", request="H100:1 " * 30)], a_top(3, ["j1"]), [], None)
    picture.show()
    picture.end()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.getvalue())
    assert "[0 train   ]" in text
    assert all(len(line) <= 70 for line in text.replace("\r", "\n").splitlines())
    assert "\x1b[1A" in drawn.getvalue()


def test_a_scene_that_has_seen_nothing_can_be_shown() -> None:
    assert frame(Scene(a_top(0).at, TOKEN), Screen(width=80)).startswith("Tauon · 0s")
