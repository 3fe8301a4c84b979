"""The alarm: which thresholds of budgets are passed, who was told already, and who is still to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from tauon.model.errors import TauonError
from tauon.ports.alerts import Alert, Herald
from tauon.service.views import BudgetView

KEPT = 10_000


def alerts_of(budgets: Iterable[BudgetView]) -> list[Alert]:
    """The alerts that last now: one for each threshold that is passed, until the period ends."""
    return [
        Alert(
            key=f"{one.queue} {one.period} {one.unit} {one.begins_at:%Y-%m-%dT%H} {passed}",
            summary=text,
            labels={"queue": one.queue, "period": one.period, "threshold": passed, "unit": one.unit},
            is_severe=one.outcome == "spent",
        )
        for one in budgets
        for passed, text in zip(one.passed, one.warnings, strict=True)
    ]


class Alarm:
    """Tells heralds of what is new, each of everything once; a file remembers it over restarts."""

    def __init__(self, heralds: Sequence[Herald], path: Path, log: Callable[[str], None]) -> None:
        self._heralds = heralds
        self._path = path
        self._log = log
        self._told = self._read()

    async def sound(self, budgets: Iterable[BudgetView], now_us: int) -> None:
        """Tell of what is passed now. What could not be told is tried again the next time."""
        alerts = alerts_of(budgets)
        for number, herald in enumerate(self._heralds):
            new = alerts if herald.wants_all else [a for a in alerts if f"{number} {a.key}" not in self._told]
            if not new:
                continue
            try:
                await herald.tell(new, now_us)
            except TauonError as error:
                self._log(str(error))
                continue
            self._told |= {f"{number} {a.key}": None for a in new}
        self._write()

    def _read(self) -> dict[str, None]:
        try:
            return dict.fromkeys(msgspec.json.decode(self._path.read_bytes(), type=list[str]))
        except (OSError, msgspec.MsgspecError):
            return {}

    def _write(self) -> None:
        kept = list(self._told)[-KEPT:]
        try:
            self._path.write_bytes(msgspec.json.encode(kept))
        except OSError as error:
            self._log(f"can't write {self._path}, so alerts may come twice after a restart: {error.strerror}")
