"""What happens in the demo, in order: each step waits for what it needs to have been seen, never for a time to pass."""

from __future__ import annotations

import asyncio
import contextlib

from tauon.cli.demo.mix import NAMES, Mix
from tauon.cli.demo.observer import Observer
from tauon.cli.demo.scene import Scene
from tauon.model.errors import Conflict, NotFound
from tauon.service.control_plane import ControlPlane

CLEAR_WITHIN_S = 20.0
CLEAR_LOOK_S = 0.1


class Story:
    """Submits the jobs of a mix, the urgent one when the one that is to give way has saved its work."""

    def __init__(self, control_plane: ControlPlane, mix: Mix, scene: Scene, observer: Observer) -> None:
        self._plane = control_plane
        self._mix = mix
        self._scene = scene
        self._observer = observer

    async def play(self) -> None:
        """From the first submit until every job has ended."""
        scene, mix = self._scene, self._mix
        await mix.upload(self._plane)
        first = ("search", "train", "orders", "download")
        submitted = await self._plane.submit_many([mix.spec(name) for name in first])
        train = next(one.id for one in submitted if one.name == "train")
        await self._plane.submit(mix.spec("evaluate", depends_on=[train]))
        await scene.until(lambda: self._search_has_saved() or scene.has_ended("search"))
        await self._plane.submit(mix.spec("incident"))
        await scene.until(lambda: all(scene.has_ended(name) for name in NAMES))

    def _search_has_saved(self) -> bool:
        return any(line.startswith("saved") for line in self._scene.lines("search"))

    async def clear_away(self) -> int:
        """Cancel what has not ended, and wait until it has; how many jobs that were."""
        live = [job for job in await self._observer.jobs() if not job.state.is_final]
        for job in live:
            with contextlib.suppress(Conflict, NotFound):  # it has ended by itself
                await self._plane.cancel(job.id)
        for _ in range(round(CLEAR_WITHIN_S / CLEAR_LOOK_S)):
            if all(job.state.is_final for job in await self._observer.jobs()):
                break
            await asyncio.sleep(CLEAR_LOOK_S)
        return len(live)
