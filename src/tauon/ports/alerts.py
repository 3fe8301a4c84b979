"""The port of alerts: who is told when a threshold is passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold that is passed: `key` is the same for as long as it is, `labels` say what it is about."""

    key: str
    summary: str
    labels: dict[str, str] = {}
    is_severe: bool = False


class Herald(Protocol):
    """Tells somebody. `wants_all` ones are told all alerts again and again while they last, others each once."""

    wants_all: bool

    async def tell(self, alerts: Sequence[Alert], now_us: int) -> None:
        """Tell of these; raises Unavailable when nobody could be told, and it will be tried again."""
        ...
