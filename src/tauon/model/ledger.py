"""One line of the ledger: what was held or was there, by whom, where, from when to when, at which price."""

from __future__ import annotations

import enum

import msgspec

from tauon.model.money import SHARES_PER_UNIT, Money, Rates
from tauon.model.resources import CapacityType, Resources


class EntryKind(enum.StrEnum):
    """Asset = workload + idle + overhead (OpenCost specification 0.1); what is idle is never written, it is the rest."""

    WORK = "work"  # a workload's part of a node
    ASSET = "asset"  # all of a node
    OVERHEAD = "overhead"  # what a pool costs beside its nodes


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An amount held at a fixed price over a span of time (microseconds since the epoch).

    Accelerators and cores in thousandths, memory in MiB; the three prices in micro-dollars an hour for one accelerator,
    one core, one GiB. `atoms_per_us` is what all of it costs a microsecond, exactly.
    """

    kind: EntryKind
    pool: str
    provider: str = ""
    region: str = ""
    capacity_type: CapacityType = CapacityType.OWNED
    node: str = ""
    accelerator: str = ""
    job: str = ""
    name: str = ""
    attempt: str = ""
    queue: str = ""
    user: str = ""
    labels: dict[str, str] = {}
    accelerator_milli: int = 0
    cpu_milli: int = 0
    memory_mib: int = 0
    accelerator_micro_usd: int = 0
    cpu_micro_usd: int = 0
    memory_gib_micro_usd: int = 0
    atoms_per_us: int
    from_us: int
    to_us: int

    def span_us(self, from_us: int, to_us: int) -> int:
        """How much of it lies within a window."""
        begin = self.from_us if self.from_us > from_us else from_us
        end = self.to_us if self.to_us < to_us else to_us
        return end - begin if end > begin else 0

    def cost(self, from_us: int, to_us: int) -> Money:
        """What the part within a window costs, exactly."""
        return Money(self.atoms_per_us * self.span_us(from_us, to_us))


def atoms_per_us(rates: Rates, amounts: Resources) -> int:
    """What amounts cost a microsecond, in atoms of money: a whole number whatever the share."""
    return (
        amounts.accelerator_milli * rates.accelerator_micro_usd * (SHARES_PER_UNIT // 1000)
        + amounts.cpu_milli * rates.cpu_micro_usd * (SHARES_PER_UNIT // 1000)
        + amounts.memory_mib * rates.memory_gib_micro_usd * (SHARES_PER_UNIT // 1024)
    )


OWNER_KEYS = ("queue", "user", "job")
PLACE_KEYS = ("pool", "provider", "region", "capacity-type", "accelerator", "node")
LABEL = "label:"


def value_of(entry: Entry, key: str) -> str:
    """What an entry has under one of the keys by which bills are grouped, or under `label:NAME`."""
    match key:
        case "queue":
            return entry.queue
        case "user":
            return entry.user
        case "job":
            return entry.job
        case "pool":
            return entry.pool
        case "provider":
            return entry.provider
        case "region":
            return entry.region
        case "capacity-type":
            return entry.capacity_type.value
        case "accelerator":
            return entry.accelerator
        case "node":
            return entry.node
        case _:
            return entry.labels.get(key.removeprefix(LABEL), "")


def is_key(text: str) -> bool:
    """Whether bills can be grouped by this."""
    return text in OWNER_KEYS or text in PLACE_KEYS or (text.startswith(LABEL) and len(text) > len(LABEL))


def is_of_place(key: str) -> bool:
    """Whether a key says where something was, which idle time has too, rather than whose it was."""
    return key in PLACE_KEYS
