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
    """Takes its turns in a thread of its own. `is_busy` says whether news may come at any moment."""

    def __init__(self, news: Callable[[], None], turns: list[Turn], is_busy: Callable[[], bool]) -> None:
        self._news = news
        self._turns = turns
        self._is_busy = is_busy
        self._nudged = threading.Event()
        self._is_closing = False
        self.fault: ProviderError | None = None
        self.has_looked = threading.Event()
        self.changed: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="tauon-slurm-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def nudge(self) -> None:
        """Something was begun: there will be news."""
        self._nudged.set()

    def close(self) -> None:
        self._is_closing = True
        self._nudged.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closing:
            fault: ProviderError | None = None
            try:
                self._news()
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
            wait_s = _NEWS_S if self._is_busy() else _IDLE_NEWS_S
            self._nudged.wait(_RETRY_S if fault else wait_s)
            self._nudged.clear()

    def _tell(self, fault: ProviderError | None) -> None:
        is_other = str(fault or "") != str(self.fault or "")
        self.fault = fault
        self.has_looked.set()
        if is_other:
            self.changed()
