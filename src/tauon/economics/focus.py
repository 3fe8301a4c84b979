"""The bill as FOCUS rows: a row for each day, node, payer and part of the node, with what was idle in rows of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from tauon.economics.focus_rules import COLUMNS
from tauon.model.ledger import Entry, EntryKind
from tauon.model.money import ATOMS_PER_USD, HOUR_US, SHARES_PER_UNIT
from tauon.model.resources import CapacityType

DAY_US = 24 * HOUR_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANO = Decimal("0.000000001")
_HOURS = Decimal("0.000000000001")

EXTRA = ("x_Kind", "x_Pool", "x_CapacityType", "x_Accelerator", "x_User")
HEADER: tuple[str, ...] = (*COLUMNS, *EXTRA)

# Part of a node: what a price is for, in how many steps an hour of one is counted, and how much money a step is.
_PARTS = {
    "accelerator": ("Accelerator-Hours", 1000),
    "cpu": ("Core-Hours", 1000),
    "memory": ("GiB-Hours", 1024),
    "overhead": ("Hours", 1),
}
_PRICING = {
    CapacityType.OWNED: "Other",
    CapacityType.RESERVED: "Committed",
    CapacityType.ON_DEMAND: "Standard",
    CapacityType.SPOT: "Dynamic",
}


class Account(NamedTuple):
    """Who issues the bill: the id of the control plane, and a name for people."""

    id: str
    name: str


class _Key(NamedTuple):
    """What one row is about; `payer` is a job, or empty for what was idle."""

    day: int
    node: str
    part: str
    micro_usd: int
    payer: str
    attempt_queue: str


class _Amount:
    """An amount times microseconds, and the entry that says everything else."""

    __slots__ = ("entry", "step_us")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.step_us = 0


def rows(entries: Iterable[Entry], account: Account) -> Iterator[dict[str, str]]:
    """FOCUS rows of entries that were cut to a window, by day.

    Work is what a payer held; idle is what a node had beyond all work on it. Costs are rounded to the billionth of a
    dollar in such a way that their sum is the exact total, rounded once. Under a reservation, the purchase carries what
    is billed and its use what is effective, as the specification wants it.
    """
    work: dict[_Key, _Amount] = {}
    assets: dict[_Key, _Amount] = {}
    for entry in entries:
        target = work if entry.kind is EntryKind.WORK else assets
        for key, step_us in _cut(entry):
            amount = target.get(key)
            if amount is None:
                amount = target[key] = _Amount(entry)
            amount.step_us += step_us
    used: dict[_Key, int] = {}
    for key, amount in work.items():
        whole = key._replace(payer="", attempt_queue="")
        used[whole] = used.get(whole, 0) + amount.step_us
    rounding = _Rounding()
    for key in sorted([*work, *assets]):
        is_work = bool(key.payer)
        amount = work[key] if is_work else assets[key]
        step_us = amount.step_us - (0 if is_work else used.get(key, 0))
        if step_us:
            row = _usage(key, amount.entry, step_us, account, rounding)
            if is_work:
                asset = assets.get(key._replace(payer="", attempt_queue=""))
                row |= _allocation(key, amount, asset.step_us if asset else 0)
            yield row
        if not is_work and amount.entry.capacity_type is CapacityType.RESERVED:
            yield _purchase(key, amount, account)


def _cut(entry: Entry) -> Iterator[tuple[_Key, int]]:
    """The parts of an entry, each day for itself: steps of an amount times microseconds."""
    amounts = {
        "accelerator": (entry.accelerator_milli, entry.accelerator_micro_usd),
        "cpu": (entry.cpu_milli, entry.cpu_micro_usd),
        "memory": (entry.memory_mib, entry.memory_gib_micro_usd),
    }
    if entry.kind is EntryKind.OVERHEAD:
        amounts = {"overhead": (1, entry.atoms_per_us // SHARES_PER_UNIT)}
    for day in range(entry.from_us // DAY_US, -(-entry.to_us // DAY_US)):
        span_us = entry.span_us(day * DAY_US, (day + 1) * DAY_US)
        for part, (amount, micro_usd) in amounts.items():
            if amount and (micro_usd or part == "accelerator"):
                place = entry.node or f"pool {entry.pool}"
                yield _Key(day, place, part, micro_usd, entry.job, entry.queue), amount * span_us


class _Rounding:
    """Rounds a sequence of amounts so that their sum is the rounded sum: each takes over what the one before left."""

    def __init__(self) -> None:
        self._exact = 0
        self._told = Decimal(0)

    def usd(self, atoms: int) -> Decimal:
        self._exact += atoms
        rounded = (Decimal(self._exact) / ATOMS_PER_USD).quantize(_NANO, rounding=ROUND_HALF_EVEN)
        told, self._told = rounded - self._told, rounded
        return told


def _usage(key: _Key, entry: Entry, step_us: int, account: Account, rounding: _Rounding) -> dict[str, str]:
    unit, steps = _PARTS[key.part]
    is_work = bool(key.payer)
    is_reserved = entry.capacity_type is CapacityType.RESERVED
    cost = rounding.usd(step_us * key.micro_usd * (SHARES_PER_UNIT // steps))
    quantity = (Decimal(step_us) / (steps * HOUR_US)).quantize(_HOURS)
    row = _common(key, entry, account)
    row |= {
        "BilledCost": _plain(Decimal(0) if is_reserved else cost),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": _description(key, entry),
        "ContractedCost": _plain(cost),
        "EffectiveCost": _plain(cost),
        "ListCost": _plain(cost),
        "PricingQuantity": _plain(quantity),
        "PricingUnit": unit,
        "ConsumedQuantity": _plain(quantity),
        "ConsumedUnit": unit,
        "PricingCategory": _PRICING[entry.capacity_type],
        "x_Kind": "work" if is_work else "overhead" if entry.kind is EntryKind.OVERHEAD else "idle",
    }
    if is_reserved:
        row |= _commitment(entry, quantity, unit) | {"CommitmentDiscountStatus": "Used" if is_work else "Unused"}
    return row


def _purchase(key: _Key, amount: _Amount, account: Account) -> dict[str, str]:
    """What a reservation costs, whether it is used or not: billed here, effective where it is used."""
    unit, steps = _PARTS[key.part]
    atoms = amount.step_us * key.micro_usd * (SHARES_PER_UNIT // steps)
    cost = (Decimal(atoms) / ATOMS_PER_USD).quantize(_NANO, rounding=ROUND_HALF_EVEN)
    quantity = (Decimal(amount.step_us) / (steps * HOUR_US)).quantize(_HOURS)
    return (
        _common(key, amount.entry, account)
        | {
            "BilledCost": _plain(cost),
            "ChargeCategory": "Purchase",
            "ChargeFrequency": "Recurring",
            "ChargeDescription": f"Reservation of {unit} on {key.node}",
            "ContractedCost": _plain(cost),
            "EffectiveCost": "0",
            "ListCost": _plain(cost),
            "PricingQuantity": _plain(quantity),
            "PricingUnit": unit,
            "PricingCategory": "Standard",
            "x_Kind": "purchase",
        }
        | _commitment(amount.entry, quantity, unit)
    )


def _common(key: _Key, entry: Entry, account: Account) -> dict[str, str]:
    day = _EPOCH + timedelta(days=key.day)
    month = day.replace(day=1)
    price = _plain(Decimal(key.micro_usd).scaleb(-6))
    what = entry.accelerator if key.part == "accelerator" else key.part
    empty = dict.fromkeys(HEADER, "")
    return empty | {
        "BillingAccountId": account.id,
        "BillingAccountName": account.name,
        "BillingCurrency": "USD",
        "BillingPeriodStart": _time(month),
        "BillingPeriodEnd": _time((month + timedelta(days=32)).replace(day=1)),
        "ChargePeriodStart": _time(day),
        "ChargePeriodEnd": _time(day + timedelta(days=1)),
        "HostProviderName": entry.provider,
        "InvoiceIssuerName": account.name,
        "ServiceCategory": "Compute",
        "ServiceName": f"Pool {entry.pool}",
        "ServiceProviderName": account.name,
        "ListUnitPrice": price,
        "ContractedUnitPrice": price,
        "RegionId": entry.region,
        "ResourceId": key.node,
        "ResourceName": key.node,
        "ResourceType": "Pool" if entry.kind is EntryKind.OVERHEAD else "Node",
        "SkuId": f"{entry.pool}/{what}",
        "SkuMeter": key.part,
        "SkuPriceId": f"{entry.pool}/{what}/{price}",
        "x_Pool": entry.pool,
        "x_CapacityType": entry.capacity_type.value,
        "x_Accelerator": entry.accelerator,
    }


def _allocation(key: _Key, amount: _Amount, whole_us: int) -> dict[str, str]:
    """A payer's part of a node: by what it asked for and holds, not by what it makes of it."""
    entry = amount.entry
    unit, steps = _PARTS[key.part]
    quantity = (Decimal(amount.step_us) / (steps * HOUR_US)).quantize(_HOURS)
    element: dict[str, str | float] = {"UsageUnit": unit, "UsageQuantity": float(quantity)}
    if whole_us:
        element["AllocatedRatio"] = float(Decimal(amount.step_us) / whole_us)
    details = {"Elements": [element]}
    tags = json.dumps(entry.labels, sort_keys=True, ensure_ascii=False)
    return {
        "AllocatedMethodId": "request",
        "AllocatedMethodDetails": json.dumps(details),
        "AllocatedResourceId": entry.job,
        "AllocatedResourceName": entry.name,
        "AllocatedTags": tags,
        "SubAccountId": entry.queue,
        "SubAccountName": entry.queue,
        "SubAccountType": "Queue",
        "Tags": tags,
        "x_User": entry.user,
    }


def _commitment(entry: Entry, quantity: Decimal, unit: str) -> dict[str, str]:
    return {
        "CommitmentDiscountCategory": "Usage",
        "CommitmentDiscountId": f"{entry.pool}/reserved",
        "CommitmentDiscountName": f"Reservation in {entry.pool}",
        "CommitmentDiscountType": "Reservation",
        "CommitmentDiscountQuantity": _plain(quantity),
        "CommitmentDiscountUnit": unit,
    }


def _description(key: _Key, entry: Entry) -> str:
    if key.payer:
        return f"{entry.name} ({key.payer}) on {key.node}"
    return f"Overhead of {entry.pool}" if entry.kind is EntryKind.OVERHEAD else f"Idle on {key.node}"


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
