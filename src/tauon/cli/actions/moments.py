"""Moments as people name them: so long ago, a day, or a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tauon.cli.screen import Screen
from tauon.model.errors import InvalidRequest
from tauon.model.quantity import parse_duration_s

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_us(text: str, flag: str, screen: Screen) -> int | None:
    """Microseconds since the epoch from `24h` (before now), `2026-01-31` or an ISO 8601 time; None if it is empty.

    What has no zone is meant as this machine's clock shows it. Raises InvalidRequest.
    """
    text = text.strip()
    if not text:
        return None
    try:
        before = timedelta(seconds=parse_duration_s(text.removesuffix("ago")))
        at = screen.now - before
    except (ValueError, OverflowError):
        at = _time(text, flag, screen)
    return (at - _EPOCH) // timedelta(microseconds=1)


def _time(text: str, flag: str, screen: Screen) -> datetime:
    words = {"now": screen.now, "today": _midnight(screen, 0), "yesterday": _midnight(screen, 1)}
    if text in words:
        return words[text]
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            return found.replace(tzinfo=screen.zone) if screen.zone else found.astimezone()
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{flag}: write how long ago (30m, 24h, 7d), a day (2026-01-31) or a time (2026-01-31T18:00), not {text!r}"
        ) from None
    return found


def _midnight(screen: Screen, days_ago: int) -> datetime:
    here = screen.local(screen.now) - timedelta(days=days_ago)
    return here.replace(hour=0, minute=0, second=0, microsecond=0)
