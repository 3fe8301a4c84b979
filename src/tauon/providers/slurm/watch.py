"""The thread that looks: at the supervisors' news often, at Slurm's jobs and nodes as often as they can bear."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from tauon.model.errors import NotReady, ProviderError

_log = logging.getLogger(__name__)
_SHARE = 10  # a look that takes a second is not taken more often than every ten
_NEWS_S = 0.1
_IDLE_NEWS_S = 1.0
_RETRY_S = 1.0


class Turn:
    """One kind of look: when it is due, and how long it takes."""

    def __init__(self, look: Callable[[], None], every_s: float) -> None:
        self._look = look
        self._every_s = every_s
        self._due_s = 0.0

    def take(self) -> None:
        """Look, if it is time. Raises what the look raises."""
        started_s = time.monotonic()
        if started_s < self._due_s:
            return
        try:
            self._look()
        finally:
            now_s = time.monotonic()
            self._due_s = max(started_s + self._every_s, now_s + _SHARE * (now_s - started_s))

    def hurry(self) -> None:
        """Let it be due now."""
        self._due_s = 0.0


class Watch:
    """Takes its turns in one thread, and reads the news in another, for Slurm may take long to answer.

    `is_busy` says whether news may come at any moment, `changed` is called when an answer fails or comes again.
    """

    def __init__(self, news: Callable[[], None], turns: list[Turn], is_busy: Callable[[], bool]) -> None:
        self._news = news
        self._turns = turns
        self._is_busy = is_busy
        self._closing = threading.Event()
        self._nudges = (threading.Event(), threading.Event())
        self.fault: ProviderError | None = None
        self.has_looked = threading.Event()
        self.changed: Callable[[], None] = lambda: None
        self._threads = [
            threading.Thread(target=run, name=f"tauon-slurm-{name}", daemon=True)
            for name, run in (("watch", self._take_turns), ("news", self._read_news))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def nudge(self) -> None:
        """Something was begun: there will be news."""
        for nudge in self._nudges:
            nudge.set()

    def close(self) -> None:
        self._closing.set()
        self.nudge()
        for thread in self._threads:
            thread.join()

    def _take_turns(self) -> None:
        while not self._closing.is_set():
            fault: ProviderError | None = None
            try:
                for turn in self._turns:
                    turn.take()
            except ProviderError as error:
                fault = error
            except OSError as error:
                fault = NotReady(f"the pool's shared folder can't be used: {error}", retry_after_s=_RETRY_S)
            except Exception as error:  # noqa: BLE001 - the pool must not go deaf because one attempt has a fault
                _log.exception("a look at Slurm failed")
                fault = NotReady(f"a look at Slurm failed: {error}", retry_after_s=_RETRY_S)
            self._tell(fault)
            if fault is not None:  # all of it again: a part that answers does not make the whole well
                for turn in self._turns:
                    turn.hurry()
            self._wait(self._nudges[0], _RETRY_S if fault else self._pause_s())

    def _read_news(self) -> None:
        self.has_looked.wait()  # what is running is taken over first
        while not self._closing.is_set():
            try:
                self._news()
            except Exception:  # noqa: BLE001 - the other thread tells of a folder that can't be used
                _log.exception("the supervisors' news can't be read")
            self._wait(self._nudges[1], self._pause_s())

    def _pause_s(self) -> float:
        return _NEWS_S if self._is_busy() else _IDLE_NEWS_S

    def _wait(self, nudge: threading.Event, pause_s: float) -> None:
        nudge.wait(pause_s)
        nudge.clear()

    def _tell(self, fault: ProviderError | None) -> None:
        is_other = str(fault or "") != str(self.fault or "")
        self.fault = fault
        self.has_looked.set()
        if is_other:
            self.changed()
