"""Past demand: accelerators that work held in each hour, by type."""

from __future__ import annotations

from collections.abc import Iterable

from tauon.model.ledger import Entry, EntryKind
from tauon.model.money import HOUR_US
from tauon.model.resources import MILLI
from tauon.ports.ledger import Window


def hourly(entries: Iterable[Entry], window: Window) -> dict[str, list[float]]:
    """Averages over the whole hours of a window, which begins at the full hour."""
    count = (window.to_us - window.from_us) // HOUR_US
    held: dict[str, list[int]] = {}
    for entry in entries:
        if entry.kind is not EntryKind.WORK or not entry.accelerator_milli:
            continue
        hours = held.setdefault(entry.accelerator, [0] * count)
        first = (max(entry.from_us, window.from_us) - window.from_us) // HOUR_US
        last = -(-(min(entry.to_us, window.to_us) - window.from_us) // HOUR_US)
        for hour in range(first, last):
            begin_us = window.from_us + hour * HOUR_US
            hours[hour] += entry.accelerator_milli * entry.span_us(begin_us, begin_us + HOUR_US)
    return {name: [milli_us / MILLI / HOUR_US for milli_us in hours] for name, hours in sorted(held.items())}
