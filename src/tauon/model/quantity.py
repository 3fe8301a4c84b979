"""How people write amounts, durations and accelerators, and what they mean: small parsers that say what they expect."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tauon.model.accelerator import canonical_type
from tauon.model.resources import MILLI, AcceleratorRequest

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_MIB = {"": 1024.0, "m": 1e6 / 2**20, "mb": 1e6 / 2**20, "mi": 1.0, "mib": 1.0}
_MIB |= {"g": 1e9 / 2**20, "gb": 1e9 / 2**20, "gi": 1024.0, "gib": 1024.0}
_MIB |= {"t": 1e12 / 2**20, "tb": 1e12 / 2**20, "ti": 2.0**20, "tib": 2.0**20}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def parse_duration_s(value: object) -> float:
    """Seconds from `90`, `"90s"`, `"1h30m"`, `"2d"`. Raises ValueError."""
    expected = f"a duration is seconds or text such as 90s, 15m, 1h30m or 2d, not {value!r}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        text = str(value).strip()
        parts = _PART.findall(text)
        if not parts or "".join(n + u for n, u in parts) != text.replace(" ", ""):
            raise ValueError(expected)
        if any((unit or "s").lower() not in _SECONDS for _, unit in parts):
            raise ValueError(expected)
        seconds = sum(float(number) * _SECONDS[(unit or "s").lower()] for number, unit in parts)
    if not 0 <= seconds < 1e10:
        raise ValueError(expected)
    return seconds


def parse_memory_mib(value: object) -> int:
    """MiB from `16` (GiB), `"512MiB"`, `"16GB"`, `"1.5TiB"`. Raises ValueError."""
    match = _PART.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    mib = float(match[1]) * _MIB.get(match[2].lower(), float("nan")) if match else -1.0
    if not 0 <= mib < 2**50:
        raise ValueError(f"an amount of memory is a number of GiB or text such as 512MiB, 16GB or 1TiB, not {value!r}")
    return round(mib)


def parse_cpu_milli(value: object) -> int:
    """Thousandths of a core from `4`, `0.5` or `"500m"`. Raises ValueError."""
    text = str(value).strip()
    try:
        milli = float(text[:-1]) if text.endswith("m") else float(text) * 1000
    except ValueError:
        milli = -1.0
    if isinstance(value, bool) or not 0 <= milli < 1e9:
        raise ValueError(f"cores are a number such as 4, 0.5 or 500m, not {value!r}")
    return round(milli)


def parse_count_milli(value: object) -> int:
    """Thousandths of accelerators: a whole number, or a share below one. Raises ValueError."""
    try:
        milli = round(float(str(value)) * MILLI)
    except (ValueError, OverflowError):
        milli = 0
    if isinstance(value, bool) or milli <= 0 or (milli > MILLI and milli % MILLI):
        raise ValueError(f"a number of accelerators is a whole number, or a share below one such as 0.5, not {value!r}")
    return milli


def parse_accelerators(value: object) -> tuple[AcceleratorRequest, ...]:
    """Alternatives in order of preference, from any of the ways to write them. Raises ValueError.

    `H100:8`; `{H100: 8}`; `{memory_gib: ">=40", count: 2}`; a list of these; several types in one mapping are
    alternatives too.
    """
    if value is None:
        return ()
    items = value if isinstance(value, list | tuple) else [value]
    found = tuple(one for item in items for one in _alternatives(item))
    if len(set(found)) != len(found):
        raise ValueError("the same accelerator is listed twice")
    return found


def _alternatives(item: object) -> list[AcceleratorRequest]:
    if isinstance(item, str):
        type_, _, count = item.partition(":")
        return [_by_type(type_.strip(), count.strip() or 1)]
    if isinstance(item, dict) and ("memory_gib" in item or "count" in item):
        unknown = set(item) - {"memory_gib", "count", "type"}
        if unknown:
            raise ValueError(
                f"a requirement has memory_gib, count and type, not {', '.join(sorted(map(str, unknown)))}"
            )
        least = _least_gib(item.get("memory_gib", 0))
        type_ = str(item.get("type", ""))
        if type_ and not _TYPE.fullmatch(type_):
            raise ValueError(f"{type_!r} is no accelerator type")
        return [
            AcceleratorRequest(
                type=canonical_type(type_), memory_gib_min=least, milli=parse_count_milli(item.get("count", 1))
            )
        ]
    if isinstance(item, dict) and item:
        return [_by_type(str(type_), count) for type_, count in item.items()]
    raise ValueError(
        "accelerators are written H100:8, {memory_gib: '>=40', count: 2}, or a list of these in order of preference, "
        f"not {item!r}"
    )


def _by_type(type_: str, count: object) -> AcceleratorRequest:
    if not _TYPE.fullmatch(type_):
        raise ValueError(f"{type_!r} is no accelerator type; write for example H100:8")
    return AcceleratorRequest(type=canonical_type(type_), milli=parse_count_milli(count))


def _least_gib(value: object) -> int:
    text = str(value).replace(" ", "").removeprefix(">=")
    if not text.isdigit():
        raise ValueError(f"memory_gib is a number of GiB or '>=40', not {value!r}")
    return int(text)


def parse_time_us(value: object, now_us: int) -> int:
    """Microseconds since the epoch from an ISO 8601 time with its zone, or a duration from now. Raises ValueError."""
    moment: datetime | None
    if isinstance(value, datetime):
        moment = value
    else:
        text = str(value).strip()
        try:
            return now_us + round(parse_duration_s(text.removeprefix("+")) * 1e6)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"a time is ISO 8601 with its zone (2026-12-31T18:00:00+01:00) or a duration (6h), not {value!r}"
        )
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
