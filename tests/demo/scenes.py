"""Scenes of a demo as they would have been seen, with defaults for all that a test does not care about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from tauon.cli.demo.mix import NAMES
from tauon.cli.demo.scene import Scene
from tauon.model.job import JobState
from tauon.model.plan import WaitCode
from tauon.service.views import AcceleratorView, EventView, Explanation, JobView, Top, UsageLine, UsageReport

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = "t0"


def at(second: float) -> datetime:
    return BEGAN + timedelta(seconds=second)


def a_job_view(number: int, name: str, **fields: Any) -> JobView:
    defaults: dict[str, Any] = {
        "id": f"j{number}",
        "name": name,
        "state": JobState.SUCCEEDED,
        "queue": "research",
        "user": "ada",
        "priority": 0,
        "workers": 1,
        "request": "H100:1",
        "where": "",
        "attempts": 1,
        "preemptions": 0,
        "retries": 0,
        "submitted_at": at(0),
        "started_at": at(1),
        "ended_at": at(9),
        "message": "",
        "labels": {"demo": TOKEN},
    }
    return JobView(**(defaults | fields))


def an_event(seq: int, type_: str, number: int, text: str = "", **fact: Any) -> EventView:
    raw = msgspec.Raw(msgspec.json.encode({"type": type_, **fact}))
    return EventView(seq=seq, at=at(seq), type=type_, subject=f"j{number}", text=text or f"j{number}", fact=raw)


def a_submission(seq: int, job: int, name: str, token: str = TOKEN) -> EventView:
    fact = {"id": f"j{job}", "name": name, "labels": {"demo": token}}
    return an_event(seq, "JobSubmitted", job, f"ada submitted j{job} ({name}) to queue research", job=fact)


def a_reason(job: int, message: str, code: WaitCode = WaitCode.CAPACITY) -> Explanation:
    return Explanation(
        job=f"j{job}", state=JobState.QUEUED, code=code, message=message, ahead=0, waits_for=[], pools=[]
    )


def a_top(second: float, holders: Sequence[str] = ()) -> Top:
    accelerators = [
        AcceleratorView(
            node="n1",
            index=index,
            type="H100",
            job=job,
            utilisation_pct=None,
            memory_used_mib=None,
            memory_total_mib=None,
            power_w=None,
            temperature_c=None,
        )
        for index, job in enumerate(holders)
    ]
    return Top(
        at=at(second),
        waiting=0,
        running=0,
        accelerators=accelerators,
        attempts=[],
        cost_usd_per_h=Decimal("7.5"),
        idle_usd_per_h=Decimal("2.5"),
    )


def a_bill(by: str, **costs: str) -> UsageReport:
    """A bill with these lines, and a quarter as much again for idle time."""
    lines = [
        UsageLine(key=key, name=key, accelerator_hours=0.1, cpu_hours=0.1, memory_gib_hours=0.0, cost_usd=Decimal(cost))
        for key, cost in costs.items()
    ]
    work = sum((line.cost_usd for line in lines), Decimal(0))
    return UsageReport(
        by=by,
        from_at=at(0),
        to_at=at(30),
        lines=lines,
        work_usd=work,
        idle_usd=work / 4,
        capacity_usd=work + work / 4,
        idle_accelerator_hours=0.05,
    )


def a_scene(names: Sequence[str] = NAMES) -> Scene:
    """A scene in which these jobs have been submitted, `j1` first."""
    scene = Scene(BEGAN, TOKEN)
    for number, name in enumerate(names, 1):
        scene.hear(a_submission(0, number, name))
    return scene


OUTPUT = {
    ("train", 1): ["test accuracy 0.9710 on 449 digits"],
    ("evaluate", 1): ["test accuracy 0.9710 on 449 digits"],
    ("search", 1): ["saved after trial 3 of 24: C 1", "told to stop after trial 3"],
    ("search", 2): ["resumed at trial 3", "saved after trial 24 of 24: C 1", "24 trials, 0 of them done twice"],
    ("orders", 1): ["2,000,000 rows, 1.00 in all; both counts agree"],
    ("download", 1): ["failed: connection reset"],
    ("download", 2): ["5,000,000 bytes complete, 3 of 5 parts fetched in this attempt"],
    ("incident", 1): ["found 12 of 12 broken machines among 5"],
}


def a_finished_scene(output: dict[tuple[str, int], list[str]] | None = None, **changed: dict[str, Any]) -> Scene:
    """A scene in which all came true, but for what is changed: fields of jobs by name, output by job and attempt."""
    scene = a_scene()
    usual: dict[str, dict[str, Any]] = {
        "search": {"attempts": 2, "preemptions": 1, "ended_at": at(20)},
        "download": {"attempts": 2, "retries": 1},
        "incident": {"started_at": at(5)},
    }
    views = [
        a_job_view(number, name, **(usual.get(name, {}) | changed.get(name, {})))
        for number, name in enumerate(NAMES, 1)
    ]
    reasons = [a_reason(number, "taken by others") for number in range(1, len(NAMES) + 1)]
    scene.look(views, a_top(30), reasons, None)
    for (name, attempt), lines in (OUTPUT | (output or {})).items():
        for line in lines:
            scene.read(name, attempt, line)
    return scene
