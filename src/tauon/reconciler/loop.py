"""The loop in real time: a cycle at once when anything happens, and one now and then besides."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from tauon.model.errors import StorageUnavailable
from tauon.reconciler.cycle import cycle
from tauon.reconciler.site import Site

STORAGE_RETRY_S = 1.0
LONGEST_BACK_OFF_S = 30.0
logger = logging.getLogger(__name__)


class Loop:
    """Runs cycles until closed. `wake` may be called from any thread."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._woken = asyncio.Event()
        self._asyncio = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self.ready = asyncio.Event()  # the first cycle is through: the pools' nodes are known

    def wake(self) -> None:
        """Have a cycle as soon as possible."""
        try:
            on_loop = asyncio.get_running_loop() is self._asyncio
        except RuntimeError:
            on_loop = False
        if on_loop:
            self._woken.set()
        else:
            self._asyncio.call_soon_threadsafe(self._woken.set)

    def close(self) -> None:
        """End after the cycle that is under way."""
        self._closing.set()
        self._woken.set()

    async def run(self) -> None:
        """Cycle until closed. After a failure the loop forgets what it remembered and begins anew from the journal."""
        back_off_s = STORAGE_RETRY_S
        while not self._closing.is_set():
            self._woken.clear()
            try:
                await cycle(self.site)
                self.ready.set()
                wait_s = max(0.0, (self.site.next_cycle_us() - self.site.clock.now_us()) / 1e6)
                back_off_s = STORAGE_RETRY_S
            except StorageUnavailable as error:
                self.site.log(f"nothing is decided while the journal can't be written: {error}")
                wait_s = await self._begin_anew(STORAGE_RETRY_S)
            except Exception:
                # A bug in one decision must not leave every running job without a keeper.
                logger.exception("a cycle failed; the next one starts from the journal in %g s", back_off_s)
                wait_s = await self._begin_anew(back_off_s)
                back_off_s = min(LONGEST_BACK_OFF_S, back_off_s * 2)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def _begin_anew(self, after_s: float) -> float:
        """Wait, deaf to everything but the order to close, then forget."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(after_s):
                await self._closing.wait()
        self.site.owe_all()
        return 0.0
