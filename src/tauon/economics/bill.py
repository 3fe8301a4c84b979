"""The bill: usage records summed by any key over any window, with what was idle as the exact difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from tauon.model.money import HOUR_US, ZERO, Money
from tauon.model.usage import UsageRecord


class Sum(msgspec.Struct):
    """Amounts held over time: thousandths of accelerators and cores and MiB, each times microseconds; and the cost."""

    accelerator_milli_us: int = 0
    cpu_milli_us: int = 0
    memory_mib_us: int = 0
    cost: Money = ZERO

    def add(self, record: UsageRecord, from_us: int, to_us: int) -> None:
        """Add the part of a record within the window."""
        span_us = max(0, min(record.to_us, to_us) - max(record.from_us, from_us))
        if span_us == 0:
            return
        self.accelerator_milli_us += record.resources.accelerator_milli * span_us
        self.cpu_milli_us += record.resources.cpu_milli * span_us
        self.memory_mib_us += record.resources.memory_mib * span_us
        self.cost = self.cost + record.cost(from_us=from_us, to_us=to_us)

    @property
    def accelerator_hours(self) -> float:
        return self.accelerator_milli_us / 1000 / HOUR_US

    @property
    def cpu_hours(self) -> float:
        return self.cpu_milli_us / 1000 / HOUR_US

    @property
    def memory_gib_hours(self) -> float:
        return self.memory_mib_us / 1024 / HOUR_US


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What was held in a window: by key, in all, and the capacity that it was part of."""

    lines: dict[str, Sum]
    work: Sum
    capacity: Sum

    @property
    def idle(self) -> Money:
        """What the capacity cost beyond the work on it; never negative, for nothing is ever given twice."""
        return self.capacity.cost - self.work.cost

    @property
    def idle_accelerator_hours(self) -> float:
        return (self.capacity.accelerator_milli_us - self.work.accelerator_milli_us) / 1000 / HOUR_US


def bill(records: Iterable[UsageRecord], *, from_us: int, to_us: int, key: Callable[[UsageRecord], str]) -> Bill:
    """Sum records over a window (microseconds). `key` names the line of a record of work."""
    lines: dict[str, Sum] = {}
    work, capacity = Sum(), Sum()
    for record in records:
        if record.job is None:
            capacity.add(record, from_us, to_us)
            continue
        work.add(record, from_us, to_us)
        lines.setdefault(key(record), Sum()).add(record, from_us, to_us)
    return Bill(lines=lines, work=work, capacity=capacity)
