"""Keeps a scene up to date: hears every event, asks at each how things stand and why, and reads what the jobs write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from tauon.cli.demo.scene import LABEL, Scene
from tauon.model.errors import NotFound
from tauon.model.ids import JobId
from tauon.model.job import JobState
from tauon.model.plan import WaitCode
from tauon.service.control_plane import ControlPlane, JobQuery, LogQuery, UsageQuery
from tauon.service.views import EventView, JobView, UsageReport

LOOK_EVERY_S = 0.25
SUM_UP_EVERY_S = 1.0
_READ_TRIES = 50
_READ_RETRY_S = 0.1


class Observer:
    """Asks the control plane on behalf of a scene; `shown` is called whenever there is something new to show."""

    def __init__(self, control_plane: ControlPlane, scene: Scene, shown: Callable[[], None]) -> None:
        self._plane = control_plane
        self._scene = scene
        self._shown = shown
        self._stirred = asyncio.Event()
        self._readers: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._summed_up_s = 0.0

    async def hear(self, after: int) -> None:
        """Take in the journal from a position on, for ever."""
        async for event in self._plane.watch(after=after):
            self._scene.hear(event)
            self._begin_to_read(event)
            self._stirred.set()

    async def keep_looking(self) -> None:
        """Look at each event and now and then besides, for ever."""
        while True:
            self._stirred.clear()
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):  # wait_for may swallow a cancellation (Python 3.11)
                    await self._stirred.wait()

    async def look(self) -> None:
        """Ask once how things stand, and show it."""
        top = await self._plane.top()
        jobs = await self.jobs()
        reasons = [await self._plane.explain(job.id) for job in jobs if job.state is JobState.QUEUED]
        # Meanwhile it may have got its place; and one that has just come in has no reason yet.
        reasons = [one for one in reasons if one.state is JobState.QUEUED and one.code is not WaitCode.JUST_IN]
        self._scene.look(jobs, top, reasons, await self._sum_up())
        self._shown()

    async def jobs(self) -> list[JobView]:
        """The demo's jobs."""
        return await self._plane.jobs(JobQuery(labels=(f"{LABEL}={self._scene.token}",)))

    async def _sum_up(self) -> UsageReport | None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._summed_up_s < SUM_UP_EVERY_S:
            return None
        self._summed_up_s = now_s
        return await self._plane.usage(UsageQuery(from_us=round(self._scene.began.timestamp() * 1e6)))

    def _begin_to_read(self, event: EventView) -> None:
        """Follow an attempt's output once it runs; one that ended before anyone saw it run is read then."""
        if event.type not in ("AttemptRunning", "AttemptEnded"):
            return
        attempt = self._scene.attempt_of(event)
        if attempt is not None and attempt not in self._readers:
            name, number = attempt
            self._readers[attempt] = asyncio.create_task(self._read(JobId(event.subject), name, number))

    async def _read(self, job: JobId, name: str, number: int) -> None:
        rest = b""
        for _ in range(_READ_TRIES):
            try:
                async for chunk in self._plane.logs(job, LogQuery(attempt=number, follow=True)):
                    *lines, rest = (rest + chunk.data).split(b"\n")
                    for line in lines:
                        self._scene.read(name, number, line.decode(errors="replace"))
                break
            except NotFound:  # it has not written anything yet
                await asyncio.sleep(_READ_RETRY_S)
        if rest:
            self._scene.read(name, number, rest.decode(errors="replace"))

    async def read_to_the_end(self) -> None:
        """Return when everything that was written has been read, and look a last time."""
        await asyncio.gather(*self._readers.values())
        await self.look()

    async def close(self) -> None:
        """Stop reading."""
        for reader in self._readers.values():
            reader.cancel()
        await asyncio.gather(*self._readers.values(), return_exceptions=True)
