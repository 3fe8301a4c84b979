"""What the demo has seen so far, put together from the events and the answers of the control plane."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from tauon.model.ids import JobId
from tauon.model.plan import WaitCode
from tauon.service.views import EventView, Explanation, JobView, Top, UsageReport

LABEL = "demo"
_MENTION = re.compile(r"\b(j[0-9]+)(?:-([0-9]+))?\b(?: \(([^)]*)\))?")
_ADDRESS = re.compile(r"^(?P<job>j[0-9]+)-(?P<number>[0-9]+)$")
_STYLES = {
    "AttemptRunning": "green",
    "AttemptStopRequested": "magenta",
    "JobRequeued": "yellow",
    "JobSucceeded": "green",
    "JobFailed": "red",
}
# The story is told by the jobs' own events; of what follows at once from another event, one is enough.
_UNTOLD = {"AttemptEnded", "JobCancelRequested"}


class Told(NamedTuple):
    """A sentence of the story, and when it happened."""

    at_s: float
    text: str
    style: str


class Wait(msgspec.Struct):
    """One time that a job waited: from when until when (None: it still does), in seconds since the demo began, and why."""

    from_s: float
    to_s: float | None = None
    reasons: list[str] = []


class Scene:
    """The jobs of one demo: how they stand, what was told of them, why they waited, what they wrote."""

    def __init__(self, began: datetime, token: str) -> None:
        self.began = began
        self.token = token
        self.names: dict[JobId, str] = {}
        self.jobs: dict[str, JobView] = {}
        self.waits: dict[str, list[Wait]] = {}
        self.output: dict[str, dict[int, list[str]]] = {}
        self.told: list[Told] = []
        self.top: Top | None = None
        self.spent: UsageReport | None = None
        self._changed = asyncio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once this holds; for one at a time."""
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    @property
    def at_s(self) -> float:
        """Seconds from the beginning to the last look."""
        return (self.top.at - self.began).total_seconds() if self.top else 0.0

    def has_ended(self, name: str) -> bool:
        return name in self.jobs and self.jobs[name].state.is_final

    def lines(self, name: str, attempt: int | None = None) -> Sequence[str]:
        """What the first worker of an attempt wrote (of the latest one, unless another is named)."""
        attempts = self.output.get(name, {})
        return attempts.get(attempt or max(attempts, default=0), [])

    def hear(self, event: EventView) -> None:
        """Take in a line of the journal; what is not about this demo's jobs is passed over."""
        if event.type == "JobSubmitted":
            self._introduce(event)
        name = self.names.get(JobId(event.subject))
        if name is None:
            return
        at_s = (event.at - self.began).total_seconds()
        waits = self.waits[name]
        match event.type:
            case "JobSubmitted" | "JobRequeued":
                waits.append(Wait(from_s=at_s))
            case "AttemptPlaced" | "JobFailed" | "JobCancelled" if waits and waits[-1].to_s is None:
                waits[-1].to_s = at_s
            case _:
                pass
        if event.type not in _UNTOLD:
            self.told.append(Told(at_s, self.named(event.text), _STYLES.get(event.type, "")))

    def _introduce(self, event: EventView) -> None:
        job = msgspec.json.decode(event.fact)["job"]
        if job.get("labels", {}).get(LABEL) == self.token:
            self.names[JobId(job["id"])] = job["name"]
            self.waits[job["name"]] = []
            self.output[job["name"]] = {}

    def look(
        self, jobs: Sequence[JobView], top: Top, reasons: Sequence[Explanation], spent: UsageReport | None
    ) -> None:
        """Take in how things stand now, and why each waiting job waits."""
        self.top = top
        self.spent = spent or self.spent
        found = {job.name: job for job in jobs}
        self.jobs = {name: found[name] for name in self.names.values() if name in found}
        for answer in reasons:
            self._explain(answer)
        self._changed.set()

    def _explain(self, answer: Explanation) -> None:
        name = self.names.get(JobId(answer.job), "")
        reason = self.named(answer.message)
        waits = self.waits.get(name)
        if not waits or waits[-1].to_s is not None or reason in waits[-1].reasons:
            return
        # The journal itself says it when a job is to be tried again.
        if answer.code is not WaitCode.BACKOFF and not any(reason in wait.reasons for wait in waits):
            self.told.append(Told(self.at_s, f"{name} waits: {reason}", "yellow"))
        waits[-1].reasons = [*waits[-1].reasons, reason]

    def why(self, name: str) -> str:
        """Why a job waits now; empty if it does not."""
        wait = self.waits[name][-1] if self.waits.get(name) else None
        return wait.reasons[-1] if wait and wait.to_s is None and wait.reasons else ""

    def read(self, name: str, attempt: int, line: str) -> None:
        """Take in a line that an attempt's first worker wrote."""
        self.output[name].setdefault(attempt, []).append(line)
        self._changed.set()

    def attempt_of(self, event: EventView) -> tuple[str, int] | None:
        """Which attempt of which job an event is about, if it is about one of ours."""
        found = _ADDRESS.match(str(msgspec.json.decode(event.fact).get("attempt_id", "")))
        name = self.names.get(JobId(found["job"])) if found else None
        return (name, int(found["number"])) if found and name else None

    def named(self, text: str) -> str:
        """The text with the jobs' names in place of their ids: `j2-2 runs` is `search (attempt 2) runs`."""

        def name(mention: re.Match[str]) -> str:
            known = self.names.get(JobId(mention[1]))
            if known is None:
                return mention[0]
            attempt = f" (attempt {mention[2]})" if mention[2] not in (None, "1") else ""
            also = f" ({mention[3]})" if mention[3] not in (None, known) else ""
            return known + attempt + also

        return _MENTION.sub(name, text)
