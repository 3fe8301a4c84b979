"""Durations, times, amounts and money as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from tauon.cli.screen import Screen

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def duration(seconds: float) -> str:
    """`40ms`, `0.4s`, `12s`, `2m 13s`, `3h 4m`, `2d 3h`: the two largest units."""
    if 0 < seconds < 0.0995:
        return f"{max(1, round(seconds * 1000))}ms"
    if 0 < seconds < 9.95:
        return f"{seconds:.1f}s".replace(".0s", "s")
    left = max(0, round(seconds))
    parts: list[tuple[int, str]] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append((count, unit))
    shown = [f"{count}{unit}" for count, unit in parts[:2] if count]
    return " ".join(shown) or "0s"


def between(begin: datetime | None, end: datetime | None) -> str:
    """How long it was from one moment to another; empty if either is missing."""
    return "" if begin is None or end is None else duration((end - begin).total_seconds())


def since(at: datetime, screen: Screen) -> str:
    """`2m 13s ago`."""
    return f"{between(at, screen.now)} ago"


def moment(at: datetime | None, screen: Screen) -> str:
    """A time as the person's clock shows it; empty if it is missing."""
    return "" if at is None else f"{screen.local(at):%Y-%m-%d %H:%M:%S}"


def clock(at: datetime | None, screen: Screen) -> str:
    """The time of day alone if it is today's, else with its day."""
    if at is None:
        return ""
    local = screen.local(at)
    return f"{local:%H:%M:%S}" if local.date() == screen.local(screen.now).date() else f"{local:%b %d %H:%M}"


def day_and_minute(at: datetime, screen: Screen) -> str:
    """A time to the minute."""
    return f"{screen.local(at):%Y-%m-%d %H:%M}"


def decimals_for(amounts: Sequence[Decimal]) -> int:
    """How many decimals show the smallest of these amounts of money: cents, unless that would show nothing."""
    small = min((abs(amount) for amount in amounts if amount), default=Decimal(1))
    return 2 if small >= Decimal("0.01") else 4 if small >= Decimal("0.0001") else 6


def usd(amount: Decimal, decimals: int | None = None) -> str:
    """Dollars, as in `$1,234.50`; as many decimals as it needs unless they are given."""
    places = decimals_for([amount]) if decimals is None else decimals
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{places}f}"


def number(value: float) -> str:
    """`8`, `0.5`, `1,234.5`: no more than two decimals, and none that say nothing."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def hours(values: Sequence[float]) -> list[str]:
    """Amounts of hours with equal decimals: two, or four where two would show nothing of the smallest."""
    small = min((value for value in values if value), default=1.0)
    return [f"{value:,.{2 if small >= 0.01 else 4}f}" if value else "0" for value in values]


def percent(share: float) -> str:
    """`62%`; `<1%` for a little."""
    return "<1%" if 0 < share < 0.005 else f"{share * 100:.0f}%"


def count(how_many: int, noun: str) -> str:
    """`1 job`, `1,234 jobs`."""
    return f"{how_many:,} {noun}{'' if how_many == 1 else 's'}"


def sentence(text: str) -> str:
    """A clause as a sentence: a capital first, and an end."""
    text = text.strip()
    if not text:
        return ""
    first = text.split(maxsplit=1)[0]
    is_name = any(letter.isdigit() or letter in "/_." for letter in first.rstrip(".,:;"))
    text = text if is_name else text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."


def bar(share: float, width: int, screen: Screen) -> str:
    """A share from 0 to 1 as a bar of at most `width` characters."""
    share = min(1.0, max(0.0, share))
    if not screen.has_unicode:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
