"""The bill of a window: workload + idle + overhead = what everything cost, by any key, with what is shared split at will."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

import msgspec

from tauon.model.ledger import EntryKind, is_of_place
from tauon.model.money import HOUR_US, ZERO, Money
from tauon.model.resources import MILLI
from tauon.ports.ledger import Group


class Split(enum.StrEnum):
    """How what nobody in particular held (idle and overhead) is shared out among those who held something.

    The three ways of the OpenCost specification 0.1: uniformly, in proportion to use, by a weight of one's own.
    """

    NONE = "none"
    UNIFORM = "uniform"
    USE = "use"
    WEIGHT = "weight"


class Line(msgspec.Struct, kw_only=True):
    """One payer or place: what it held (amounts times microseconds), what that cost, and its part of what is shared."""

    key: str
    name: str = ""
    keys: int = 1  # how many payers it stands for
    accelerator_milli_us: int = 0
    cpu_milli_us: int = 0
    memory_mib_us: int = 0
    work: Money = ZERO
    idle: Money = ZERO
    overhead: Money = ZERO

    @property
    def total(self) -> Money:
        return self.work + self.idle + self.overhead

    @property
    def accelerator_hours(self) -> float:
        return self.accelerator_milli_us / MILLI / HOUR_US

    @property
    def cpu_hours(self) -> float:
        return self.cpu_milli_us / MILLI / HOUR_US

    @property
    def memory_gib_hours(self) -> float:
        return self.memory_mib_us / 1024 / HOUR_US


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Lines, dearest first, and sums: `asset` = work + idle, and the total is `asset` + `overhead`, exactly.

    `unallocated` is the idle time and overhead that stands on no line.
    """

    lines: list[Line]
    work: Money
    idle: Money
    overhead: Money
    unallocated: Money
    asset_accelerator_hours: float
    idle_accelerator_hours: float

    @property
    def total(self) -> Money:
        return self.work + self.idle + self.overhead


def cost(groups: Iterable[Group], *, by: str, split: Split, weights: Mapping[str, float] | None = None) -> Cost:
    """The bill from the ledger's sums.

    By a place (pool, region ...), idle time and overhead stand where they arose. By an owner they are shared out as
    `split` says, to the last atom; `weights` are those of the keys for `Split.WEIGHT` (1 where there is none).
    """
    groups = list(groups)
    lines: dict[str, Line] = {}
    asset = work = overhead = 0
    asset_us = work_us = 0
    for group in groups:
        if group.kind is EntryKind.WORK:
            work += group.atoms
            work_us += group.accelerator_milli_us
            lines[group.key] = _line(group)
        elif group.kind is EntryKind.ASSET:
            asset += group.atoms
            asset_us += group.accelerator_milli_us
        else:
            overhead += group.atoms
    idle = asset - work if asset else 0
    left = idle + overhead
    if is_of_place(by):
        _charge_places(groups, lines)
        left = 0
    elif split is not Split.NONE and lines:
        _share_out(lines, Money(idle), Money(overhead), _shares(lines, split, weights or {}))
        left = 0
    return Cost(
        lines=sorted(lines.values(), key=lambda line: (line.keys > 1, -line.total.atoms, line.key)),
        work=Money(work),
        idle=Money(idle),
        overhead=Money(overhead),
        unallocated=Money(left),
        asset_accelerator_hours=asset_us / MILLI / HOUR_US,
        idle_accelerator_hours=max(0, asset_us - work_us) / MILLI / HOUR_US,
    )


def _line(group: Group) -> Line:
    return Line(
        key=group.key,
        name=group.name or group.key,
        keys=group.keys,
        accelerator_milli_us=group.accelerator_milli_us,
        cpu_milli_us=group.cpu_milli_us,
        memory_mib_us=group.memory_mib_us,
        work=Money(group.atoms),
    )


def _charge_places(groups: Iterable[Group], lines: dict[str, Line]) -> None:
    """Each place has its own idle time and overhead."""
    for group in groups:
        line = lines.setdefault(group.key, Line(key=group.key, name=group.key))
        if group.kind is EntryKind.ASSET:
            line.idle = Money(group.atoms) - line.work
        elif group.kind is EntryKind.OVERHEAD:
            line.overhead = line.overhead + Money(group.atoms)


def _shares(lines: Mapping[str, Line], split: Split, weights: Mapping[str, float]) -> dict[str, int]:
    match split:
        case Split.UNIFORM | Split.NONE:
            return {key: line.keys for key, line in lines.items()}
        case Split.USE:
            used = {key: line.work.atoms for key, line in lines.items()}
            return used if any(used.values()) else {key: line.keys for key, line in lines.items()}
        case Split.WEIGHT:  # weights are written with few decimals: millionths of them are whole numbers
            return {key: round(weights.get(key, 1.0) * 1_000_000) * lines[key].keys for key in lines}


def _share_out(lines: Mapping[str, Line], idle: Money, overhead: Money, shares: Mapping[str, int]) -> None:
    for key, atoms in parts(idle.atoms, shares).items():
        lines[key].idle = Money(atoms)
    for key, atoms in parts(overhead.atoms, shares).items():
        lines[key].overhead = Money(atoms)


def parts(amount: int, shares: Mapping[str, int]) -> dict[str, int]:
    """An amount cut in proportion to shares; whole numbers that add up to it exactly (largest remainder, then name)."""
    total = sum(shares.values())
    if not total:
        return dict.fromkeys(shares, 0)
    cut = {key: divmod(amount * share, total) for key, share in shares.items()}
    found = {key: whole for key, (whole, _) in cut.items()}
    left = amount - sum(found.values())
    for key in sorted(cut, key=lambda key: (-cut[key][1], key))[:left]:
        found[key] += 1
    return found
