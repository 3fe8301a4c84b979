"""What must have come true for the demo to have succeeded, each with a sentence that says what was seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tauon.cli.demo.mix import NAMES
from tauon.cli.demo.scene import Scene
from tauon.model.job import JobState
from tauon.service.views import UsageReport

LEAST_ACCURACY = 0.9
_SHOWN_LINE = 160
_ROUNDING = Decimal("0.000001")  # each amount is rounded to a micro-dollar for itself


class Finding(NamedTuple):
    """One thing that was to come true: about what, whether it did, and what was seen."""

    about: str
    is_right: bool
    text: str


def verdict(scene: Scene, by_queue: UsageReport, by_job: UsageReport) -> list[Finding]:
    """All findings, one for each job in the order of the story, then those about waiting and money."""
    about_jobs = {
        "train": _train,
        "search": _search,
        "incident": _incident,
        "orders": _orders,
        "download": _download,
        "evaluate": _evaluate,
    }
    findings = [about_jobs[name](scene) if _succeeded(scene, name) else _unfinished(scene, name) for name in about_jobs]
    return [*findings, _waiting(scene), _money(by_queue, by_job)]


def _succeeded(scene: Scene, name: str) -> bool:
    return name in scene.jobs and scene.jobs[name].state is JobState.SUCCEEDED


def _unfinished(scene: Scene, name: str) -> Finding:
    job = scene.jobs.get(name)
    if job is None:
        return Finding(name, is_right=False, text="it was never submitted")
    last = scene.lines(name)[-1:]
    wrote = f"; the last that it wrote: {last[0][:_SHOWN_LINE]}" if last else ""
    because = f" ({scene.named(job.message)})" if job.message else ""
    return Finding(name, is_right=False, text=f"it is {job.state}{because}{wrote}")


def _found(pattern: str, lines: Sequence[str]) -> re.Match[str] | None:
    """The last line that has it."""
    return next((found for line in reversed(lines) if (found := re.search(pattern, line))), None)


def accuracy(scene: Scene, name: str) -> float:
    """The accuracy that a job reported; 0 if it did not."""
    found = _found(r"^test accuracy ([0-9.]+) ", scene.lines(name))
    return float(found[1]) if found else 0.0


def _train(scene: Scene) -> Finding:
    reached = accuracy(scene, "train")
    text = f"two workers trained one network together: {reached:.1%} of the digits it had not seen were told right"
    return Finding("train", is_right=reached >= LEAST_ACCURACY, text=text)


def _search(scene: Scene) -> Finding:
    name = "search"
    job = scene.jobs[name]
    resumed = _found(r"^resumed at trial ([0-9]+)", scene.lines(name))
    stopped = _found(r"^saved after trial ([0-9]+) of ([0-9]+)", scene.lines(name, job.attempts - 1))
    twice = _found(r"^[0-9]+ trials, ([0-9]+) of them done twice", scene.lines(name))
    if not job.preemptions:
        return Finding(name, is_right=False, text="it was never preempted")
    if resumed is None or stopped is None or twice is None:
        return Finding(name, is_right=False, text="it was preempted and began anew instead of going on")
    is_right = 0 < int(resumed[1]) == int(stopped[1]) and int(twice[1]) == 0
    text = f"preempted after trial {stopped[1]} of {stopped[2]}, resumed at trial {resumed[1]}, {twice[1]} trials done twice"
    return Finding(name, is_right=is_right, text=text)


def _incident(scene: Scene) -> Finding:
    found = _found(r"^found .*", scene.lines("incident"))
    began, search = scene.jobs["incident"].started_at, scene.jobs.get("search")
    is_first = bool(began and search and search.ended_at and began < search.ended_at)
    waited = sum((wait.to_s or wait.from_s) - wait.from_s for wait in scene.waits["incident"])
    text = f"{found[0] if found else 'it reported nothing'}; it had its place {waited:.1f} s after it was submitted"
    return Finding("incident", is_right=is_first and found is not None, text=text)


def _orders(scene: Scene) -> Finding:
    found = _found(r"^([0-9,]+ rows), .*both counts agree", scene.lines("orders"))
    return Finding("orders", is_right=found is not None, text=found[0] if found else "its counts do not agree")


def _download(scene: Scene) -> Finding:
    job = scene.jobs["download"]
    failure = _found(r"^failed: (.*)", scene.lines("download", 1))
    again = _found(r"complete, (.* fetched) in this attempt", scene.lines("download"))
    is_right = job.retries == 1 and failure is not None and again is not None
    text = f"attempt 1 failed ({failure[1] if failure else 'it did not'}), attempt {job.attempts} succeeded"
    return Finding("download", is_right=is_right, text=f"{text}: {again[1]}" if again else text)


def _evaluate(scene: Scene) -> Finding:
    reached, expected = accuracy(scene, "evaluate"), accuracy(scene, "train")
    text = f"started when train had succeeded, and finds the same: {reached:.1%}"
    if reached != expected:
        text = f"finds {reached:.1%}, and train had reported {expected:.1%}"
    return Finding("evaluate", is_right=reached == expected, text=text)


def _waiting(scene: Scene) -> Finding:
    silent = [name for name, waits in scene.waits.items() if not any(wait.reasons for wait in waits)]
    never = set(silent) & {"orders", "incident", "evaluate", "search", "download"}
    if never or set(scene.waits) != set(NAMES):
        return Finding(
            "waiting", is_right=False, text=f"no reason was given for {', '.join(sorted(never)) or 'some jobs'}"
        )
    return Finding("waiting", is_right=True, text="every job that had to wait was told why")


def _money(by_queue: UsageReport, by_job: UsageReport) -> Finding:
    whole, work, idle = by_queue.capacity_usd, by_queue.work_usd, by_queue.idle_usd
    sums = [sum((line.cost_usd for line in report.lines), Decimal(0)) for report in (by_queue, by_job)]
    slack = _ROUNDING * (2 + len(by_queue.lines) + len(by_job.lines))
    is_right = whole > 0 and all(abs(work + idle - whole) <= slack and abs(one - work) <= slack for one in sums)
    sign = "=" if is_right else "is not"
    return Finding(
        "bill", is_right=is_right, text=f"${whole:.4f} of capacity {sign} ${work:.4f} of work + ${idle:.4f} idle"
    )
