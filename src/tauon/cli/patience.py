"""What a person sees while they wait: nothing for the first second, then what is being waited for."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from tauon.cli.render.words import duration
from tauon.model.errors import TauonError

FIRST_S = 1.0
_ASK_AGAIN_S = 3

More = Callable[[], Awaitable[str]] | None


class _Line(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def update(self, status: str, /) -> None: ...


class _Bar(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def update(self, task_id: Any, *, completed: float, total: float) -> None: ...


class Patience:
    """A line on the terminal that says what is being waited for and for how long; silent where there is no terminal."""

    def __init__(self, *, is_plain: bool = False) -> None:
        self._is_plain = is_plain
        self._text = ""
        self._more: More = None
        self._besides = ""
        self._since = time.monotonic()
        self._status: _Line | None = None
        self._task: asyncio.Task[None] | None = None

    def wait(self, text: str, more: More = None) -> None:
        """From now on `text` is what is being waited for; `more` is asked for what can be said besides."""
        if not sys.stderr.isatty():
            return
        self._more = more
        if text != self._text:
            self._text = text
            self._since = time.monotonic()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tick())

    def over(self) -> None:
        """The waiting has an end: the line goes away."""
        self._text = ""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, text: str) -> _Line:
        # Slow to load, and most commands are over before anyone waits.
        from rich.console import Console
        from rich.status import Status

        return Status(text, console=Console(stderr=True, no_color=self._is_plain, highlight=False))

    async def _tick(self) -> None:
        await asyncio.sleep(FIRST_S)
        for second in itertools.count():
            if self._more is not None and second % _ASK_AGAIN_S == 0:
                with contextlib.suppress(TauonError):  # that it can't be told is no reason to end
                    self._besides = await self._more()
            besides = f": {self._besides}" if self._more is not None and self._besides else ""
            line = f"{self._text}{besides} ({duration(round(time.monotonic() - self._since))})"
            if self._status is None:
                self._status = self._line(line)
                self._status.start()
            self._status.update(line)
            await asyncio.sleep(1)


class Bar:
    """A bar that is told how much is done and of how much; it shows after the first second, and only on a terminal."""

    def __init__(self, text: str, *, is_bytes: bool = False) -> None:
        self._text = text
        self._is_bytes = is_bytes
        self._began = time.monotonic()
        self._bar: _Bar | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            if not sys.stderr.isatty() or time.monotonic() - self._began < FIRST_S:
                return
            self._bar = self._made()
            self._bar.start()
        self._bar.update(0, completed=done, total=total)
        if done >= total:
            self.over()

    def over(self) -> None:
        """The bar goes away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _made(self) -> _Bar:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        amount = DownloadColumn() if self._is_bytes else TextColumn("{task.percentage:>3.0f} %")
        columns = [TextColumn(self._text), BarColumn(), amount, TimeRemainingColumn()]
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.add_task("", total=None)
        return bar
