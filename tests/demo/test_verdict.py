"""The verdict finds whatever did not come true, and the report says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from tauon.cli.demo.report import report
from tauon.cli.demo.scene import Scene
from tauon.cli.demo.verdict import Finding, verdict
from tauon.cli.screen import Screen
from tauon.model.job import JobState
from tauon.service.views import UsageReport
from tests.demo.scenes import a_bill, a_finished_scene, a_scene

BY_QUEUE = a_bill("queue", research="0.25", batch="0.15")
BY_JOB = a_bill("job", j1="0.3", j2="0.1")


def findings(scene: Scene, by_queue: UsageReport = BY_QUEUE, by_job: UsageReport = BY_JOB) -> dict[str, Finding]:
    return {finding.about: finding for finding in verdict(scene, by_queue, by_job)}


def wrong(scene: Scene, by_queue: UsageReport = BY_QUEUE) -> list[str]:
    return [about for about, finding in findings(scene, by_queue).items() if not finding.is_right]


def test_all_is_right_when_all_came_true() -> None:
    scene = a_finished_scene()
    found = findings(scene)
    assert wrong(scene) == []
    assert found["search"].text == "preempted after trial 3 of 24, resumed at trial 3, 0 trials done twice"
    assert found["bill"].text == "$0.5000 of capacity = $0.4000 of work + $0.1000 idle"


WRONG: dict[str, tuple[str, Callable[[], Scene]]] = {
    "a poor accuracy": (
        "train",
        lambda: a_finished_scene(
            {(job, 2): ["test accuracy 0.5000 on 449 digits"] for job in ("train", "evaluate")},
        ),
    ),
    "never preempted": ("search", lambda: a_finished_scene(search={"preemptions": 0})),
    "began anew": ("search", lambda: a_finished_scene({("search", 2): [], ("search", 3): ["24 trials to do"]})),
    "resumed elsewhere": ("search", lambda: a_finished_scene({("search", 1): ["saved after trial 5 of 24: C 1"]})),
    "resumed at the start": (
        "search",
        lambda: a_finished_scene({("search", 1): ["saved after trial 0 of 24"], ("search", 2): ["resumed at trial 0"]}),
    ),
    "work done twice": (
        "search",
        lambda: a_finished_scene(
            {
                ("search", 2): [
                    "resumed at trial 3",
                    "24 trials, 2 of them done twice",
                ]
            }
        ),
    ),
    "a failed job": ("orders", lambda: a_finished_scene(orders={"state": JobState.FAILED, "message": "exit code 1"})),
    "never retried": ("download", lambda: a_finished_scene(download={"retries": 0})),
    "another accuracy": (
        "evaluate",
        lambda: a_finished_scene({("evaluate", 1): ["test accuracy 0.9000 on 449 digits"]}),
    ),
    "came too late": ("incident", lambda: a_finished_scene(search={"ended_at": None})),
}


@pytest.mark.parametrize("case", WRONG)
def test_whatever_did_not_come_true_is_found(case: str) -> None:
    about, scene = WRONG[case]
    assert wrong(scene()) == [about]


def test_an_unfinished_job_says_how_it_stands_and_what_it_wrote() -> None:
    scene = a_finished_scene(orders={"state": JobState.FAILED, "message": "exit code 1"})
    assert findings(scene)["orders"].text == (
        "it is failed (exit code 1); the last that it wrote: 2,000,000 rows, 1.00 in all; both counts agree"
    )


def test_a_bill_that_does_not_add_up_is_found() -> None:
    assert wrong(a_finished_scene(), msgspec.structs.replace(BY_QUEUE, idle_usd=Decimal("0.2"))) == ["bill"]
    assert wrong(a_finished_scene(), a_bill("queue", research="0.5")) == ["bill"]


def test_nothing_is_right_when_nothing_happened() -> None:
    found = findings(a_scene([]), a_bill("queue"), a_bill("job"))
    assert not any(finding.is_right for finding in found.values())
    assert found["train"].text == "it was never submitted"


def test_the_report_says_what_happened_what_it_cost_and_why_they_waited() -> None:
    scene = a_finished_scene()
    scene.waits["orders"][0].to_s = 2.5
    text = report(scene, verdict(scene, BY_QUEUE, BY_JOB), BY_QUEUE, BY_JOB, Screen())
    for part in (
        "What happened",
        "ok  search",
        "Usage by queue",
        "Usage by job",
        "idle",
        "orders  2.5s  Taken by others.",
    ):
        assert part in " ".join(text.split("\n")), part
    assert text.endswith("6 jobs in 8 attempts and 30s; all of it came true.\n")


def test_the_report_names_what_went_wrong() -> None:
    scene = a_finished_scene(search={"preemptions": 0})
    text = report(scene, verdict(scene, BY_QUEUE, BY_JOB), BY_QUEUE, BY_JOB, Screen())
    assert "WRONG  search" in text
    assert text.endswith("The demo went wrong: search. See above what was seen.\n")


def test_the_report_fits_a_narrow_terminal_and_loses_nothing() -> None:
    scene = a_finished_scene()
    text = report(scene, verdict(scene, BY_QUEUE, BY_JOB), BY_QUEUE, BY_JOB, Screen(width=60))
    assert all(len(line) <= 60 for line in text.splitlines())
    assert findings(scene)["search"].text in re.sub(r"\s+", " ", text)
