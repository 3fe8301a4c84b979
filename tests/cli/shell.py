"""The command in this process: a control plane in memory behind it, and what it printed."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tauon.cli.app import run
from tauon.cli.options import DemoOptions, LoginOptions, ServeOptions, VerifyOptions
from tauon.cli.wiring import Logins, PageLink, Progress, VerifyReport, Wiring
from tauon.model.errors import NotFound
from tauon.model.job_spec import JobSpec
from tauon.ports.providers import LogChunk
from tauon.ports.what_if import WhatIf
from tauon.service.control_plane import ControlPlane, JobQuery, LogQuery
from tauon.service.views import EventView, JobDetail, JobView, ServerInfo
from tauon.simulator.what_if import Worlds
from tests.api.plane import MemoryPlane
from tests.cli.views import a_detail, an_event


class ShellPlane(MemoryPlane):
    """A control plane whose jobs, output and story are what a test says.

    `turns` are what happens while somebody watches: each is done, then an event tells that something was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.details: dict[str, JobDetail] = {}
        self.outputs: dict[tuple[int, int], bytes] = {}
        self.turns: list[Callable[[], None]] = []
        self.turn_s = 0.0
        self.piece_bytes = 7

    def has(self, *jobs: JobView | JobDetail) -> None:
        """Let these jobs be there, the newest first."""
        for job in jobs:
            detail = a_detail(job) if isinstance(job, JobView) else job
            self.details[detail.job.id] = detail

    async def jobs(self, query: JobQuery) -> list[JobView]:
        self._asked("jobs", query)
        ids = list(self.details)
        after = ids[ids.index(query.before) + 1 :] if query.before else ids
        found = [self.details[id_].job for id_ in after]
        found = [job for job in found if not query.states or job.state in query.states]
        return [job for job in found if query.text in job.name or query.text in job.id][: query.limit]

    async def job(self, job: str) -> JobDetail:
        self._asked("job", job)
        for detail in self.details.values():
            if job in (detail.job.id, detail.job.name):
                return detail
        raise NotFound(f"there is no job {job!r}; `tauon ps --all` lists them")

    def _named(self, job: str) -> JobView:
        if job not in self.details:
            raise NotFound(f"there is no job {job!r}; `tauon ps --all` lists them")
        return self.details[job].job

    async def cancel(self, job: str) -> JobView:
        self.found[job] = self._named(job)
        return await super().cancel(job)

    async def logs(self, job: str, query: LogQuery) -> AsyncIterator[LogChunk]:
        self._asked("logs", job, query)
        data = self.outputs.get((query.attempt or 1, query.rank))
        if data is None:
            raise NotFound(f"there is no output of rank {query.rank}")
        offset = query.offset if query.offset >= 0 else max(0, len(data) + query.offset)
        while offset < len(data):
            piece = data[offset : offset + self.piece_bytes]
            offset += len(piece)
            yield LogChunk(rank=query.rank, data=piece, next_offset=offset)

    async def watch(self, *, after: int = 0, subject: str = "") -> AsyncIterator[EventView]:
        self._asked("watch", after, subject)
        while self.turns:
            await asyncio.sleep(self.turn_s)
            self.turns.pop(0)()
            yield an_event(len(self.seen))
        await asyncio.sleep(self.turn_s)


class FakeLogins(Logins):
    """Who may log in, in memory."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}

    def names(self) -> list[str]:
        return sorted(self.tokens)

    def create(self, user: str) -> str:
        self.tokens[user] = f"token-of-{user}"
        return self.tokens[user]

    def revoke(self, user: str) -> None:
        if self.tokens.pop(user, None) is None:
            raise NotFound(f"{user} has no token")


class FakeWiring(Wiring):
    """Leads to the plane, and writes down what else was wanted."""

    def __init__(self, plane: ShellPlane) -> None:
        self.plane = plane
        self.wanted: list[Any] = []
        self.refusal: Exception | None = None
        self.report = VerifyReport(events=3, jobs=1, duration_s=0.5, differences=[])
        self.delay_s = 0.0
        self.known: Logins = FakeLogins()
        self.worlds: WhatIf = Worlds()

    @contextlib.asynccontextmanager
    async def connect(self, home: Path | None, server: str, progress: Progress) -> AsyncIterator[ControlPlane]:
        self.wanted.append((home, server))
        if self.refusal is not None:
            raise self.refusal
        await asyncio.sleep(self.delay_s)
        yield self.plane

    def serve(self, options: ServeOptions) -> int:
        self.wanted.append(options)
        return 0

    def demo(self, options: DemoOptions) -> int:
        self.wanted.append(options)
        return 0

    def verify(self, options: VerifyOptions, progress: Progress) -> VerifyReport:
        self.wanted.append(options)
        progress(1, 3)
        return self.report

    def what_if(self) -> WhatIf:
        return self.worlds

    async def login(self, options: LoginOptions) -> ServerInfo:
        self.wanted.append(options)
        if self.refusal is not None:
            raise self.refusal
        return ServerInfo(version="0.1.0", instance="abc", user="ada", database="sqlite", seq=0)

    async def page_link(self, home: Path | None, server: str) -> PageLink:
        self.wanted.append((home, server))
        if self.refusal is not None:
            raise self.refusal
        return PageLink(url="http://127.0.0.1:8286/#code=abc", within_s=120)

    def logins(self, home: Path | None) -> Logins:
        self.wanted.append(home)
        return self.known


class Ran(NamedTuple):
    """How a command went."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs commands as a person in a pipe would see them."""

    def __init__(self, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.plane = ShellPlane()
        self.wiring = FakeWiring(self.plane)
        self._capture = capture
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run(lambda: self.wiring, list(arguments))
        out, err = self._capture.readouterr()
        return Ran(code, out, err)

    @property
    def submitted(self) -> Sequence[JobSpec]:
        """What was submitted."""
        return self.plane.specs
