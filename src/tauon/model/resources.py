"""Amounts of accelerators, cores, memory and disk: what a worker asks for, what a node has, what is free."""

from __future__ import annotations

import enum

import msgspec

MILLI = 1000


class CapacityType(enum.StrEnum):
    """How a node is paid for, and whether it can be taken away."""

    OWNED = "owned"
    RESERVED = "reserved"
    ON_DEMAND = "on-demand"
    SPOT = "spot"


class Resources(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An immutable amount: accelerators in thousandths, cores in thousandths, memory and disk in MiB."""

    accelerator_milli: int = 0
    cpu_milli: int = 0
    memory_mib: int = 0
    disk_mib: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            accelerator_milli=self.accelerator_milli + other.accelerator_milli,
            cpu_milli=self.cpu_milli + other.cpu_milli,
            memory_mib=self.memory_mib + other.memory_mib,
            disk_mib=self.disk_mib + other.disk_mib,
        )

    def __sub__(self, other: Resources) -> Resources:
        return self + other * -1

    def __mul__(self, times: int) -> Resources:
        return Resources(
            accelerator_milli=self.accelerator_milli * times,
            cpu_milli=self.cpu_milli * times,
            memory_mib=self.memory_mib * times,
            disk_mib=self.disk_mib * times,
        )

    def fits_in(self, room: Resources) -> bool:
        """Whether every part of this amount is there in `room`."""
        return (
            self.accelerator_milli <= room.accelerator_milli
            and self.cpu_milli <= room.cpu_milli
            and self.memory_mib <= room.memory_mib
            and self.disk_mib <= room.disk_mib
        )


class AcceleratorRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One acceptable kind of accelerator: a type by name, or any with enough memory; and how many, in thousandths.

    `milli` is a multiple of 1,000, or below 1,000 for a share of one accelerator.
    """

    type: str = ""
    memory_gib_min: int = 0
    milli: int = MILLI

    def accepts(self, type_: str, memory_gib: int) -> bool:
        """Whether accelerators of this type and memory (GiB each) are acceptable."""
        return bool(type_) and (not self.type or self.type == type_) and memory_gib >= self.memory_gib_min

    def __str__(self) -> str:
        count = f"{self.milli // MILLI}" if self.milli % MILLI == 0 else f"{self.milli / MILLI:g}"
        kind = self.type or f"GPU(>={self.memory_gib_min}GiB)"
        return f"{kind}:{count}"


class Constraints(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a workload may run; an empty tuple allows everything."""

    pools: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    residency: tuple[str, ...] = ()
    capacity_types: tuple[CapacityType, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False, cache_hash=True):
    """What each worker of a gang asks for: hashable, so that equal requests can share one answer.

    `accelerators` are alternatives in order of preference (one type serves the whole gang); empty means none.
    `max_price_micro_usd` is the most that one accelerator (or, without any, one core) may cost an hour.
    """

    accelerators: tuple[AcceleratorRequest, ...] = ()
    cpu_milli: int = 0
    memory_mib: int = 0
    disk_mib: int = 0
    workers: int = 1
    constraints: Constraints = Constraints()
    max_price_micro_usd: int | None = None

    def resources(self, alternative: int = 0) -> Resources:
        """The amounts that one worker holds when it gets the given alternative."""
        milli = self.accelerators[alternative].milli if self.accelerators else 0
        return Resources(
            accelerator_milli=milli, cpu_milli=self.cpu_milli, memory_mib=self.memory_mib, disk_mib=self.disk_mib
        )

    def __str__(self) -> str:
        kinds = " or ".join(str(a) for a in self.accelerators)
        parts = [kinds] if kinds else []
        if self.cpu_milli:
            parts.append(f"{self.cpu_milli / MILLI:g} CPU")
        if self.memory_mib:
            parts.append(f"{self.memory_mib / 1024:g} GiB")
        text = ", ".join(parts) or "no resources"
        return f"{self.workers} x ({text})" if self.workers > 1 else text
