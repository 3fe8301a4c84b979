"""A ledger in plain memory: the meter's entries in a list; right for a small journal, and the measure of any other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from tauon.economics.meter import Meter
from tauon.model.event import Event
from tauon.model.ledger import Entry, is_of_place, value_of
from tauon.ports.ledger import NO_LIMIT, OTHERS, Group, Window


class FoldedLedger:
    """Implements `ports.ledger.Ledger`; `events` gives those after a position, oldest first, an empty list at the end."""

    def __init__(self, events: Callable[[int], Sequence[Event]]) -> None:
        self._events = events
        self._meter = Meter()
        self._entries: list[Entry] = []

    def catch_up(self) -> None:
        while page := self._events(self._meter.seq):
            for event in page:
                self._meter.apply(event)
            self._entries += self._meter.take()

    def begins_us(self, to_us: int) -> int:
        return min((entry.from_us for entry in self._all(to_us)), default=to_us)

    def sums(self, by: str, where: Mapping[str, str], window: Window, *, most: int = NO_LIMIT) -> list[Group]:
        groups = list(summed(self._all(window.to_us), by, where, window).values())
        return groups if is_of_place(by) else dearest(groups, most)

    def entries(self, where: Mapping[str, str], window: Window) -> Iterator[Entry]:
        yield from cut(self._all(window.to_us), where, window)

    def _all(self, to_us: int) -> Iterator[Entry]:
        yield from self._entries
        yield from self._meter.open_entries(to_us)


def summed(entries: Iterable[Entry], by: str, where: Mapping[str, str], window: Window) -> dict[tuple[str, str], Group]:
    """Entries summed over a window, by kind and key."""
    groups: dict[tuple[str, str], Group] = {}
    for entry in entries:
        span_us = entry.span_us(window.from_us, window.to_us)
        if not span_us or not _has(entry, where):
            continue
        key = value_of(entry, by)
        group = groups.get((entry.kind, key))
        if group is None:
            group = groups[entry.kind, key] = Group(kind=entry.kind, key=key)
        if by == "job":
            group.name = entry.name
        group.accelerator_milli_us += entry.accelerator_milli * span_us
        group.cpu_milli_us += entry.cpu_milli * span_us
        group.memory_mib_us += entry.memory_mib * span_us
        group.atoms += entry.atoms_per_us * span_us
    return groups


def dearest(groups: Iterable[Group], most: int) -> list[Group]:
    """The dearest groups of each kind, and one for all others of that kind."""
    kept: list[Group] = []
    found = sorted(groups, key=lambda g: (g.kind, -g.atoms, g.key))
    for kind, members in itertools.groupby(found, key=lambda g: g.kind):
        ordered = list(members)
        kept += ordered[:most]
        if len(ordered) > most:
            rest = Group(kind=kind, key=OTHERS, name=OTHERS, keys=0)
            for group in ordered[most:]:
                rest.keys += 1
                rest.accelerator_milli_us += group.accelerator_milli_us
                rest.cpu_milli_us += group.cpu_milli_us
                rest.memory_mib_us += group.memory_mib_us
                rest.atoms += group.atoms
            kept.append(rest)
    return kept


def cut(entries: Iterable[Entry], where: Mapping[str, str], window: Window) -> list[Entry]:
    """The parts of entries within a window, in order of begin, kind, node and attempt."""
    found = [
        replace(entry, from_us=max(entry.from_us, window.from_us), to_us=min(entry.to_us, window.to_us))
        for entry in entries
        if entry.span_us(window.from_us, window.to_us) and _has(entry, where)
    ]
    found.sort(key=lambda e: (e.from_us, e.kind, e.node, e.attempt, e.pool))
    return found


def _has(entry: Entry, where: Mapping[str, str]) -> bool:
    return all(value_of(entry, key) == value for key, value in where.items())
