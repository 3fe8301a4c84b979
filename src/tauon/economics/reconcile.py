"""A provider's invoice against the bill: both as FOCUS rows, compared node by node, each difference named with its cause."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from tauon.economics.focus_rules import Row

CENT = Decimal("0.01")


class Cause(enum.StrEnum):
    """Why invoice and bill differ."""

    UNKNOWN = "unknown"  # the invoice has it, the bill doesn't: a machine that never became ready, or another system's
    NOT_INVOICED = "not invoiced"  # the bill has it, the invoice doesn't (yet)
    HOURS = "hours"  # both have it, for another length of time
    PRICE = "price"  # both have it as long, at another price
    OTHER = "other charges"  # taxes, credits, purchases: no usage of any node
    CURRENCY = "currency"  # no rate is known


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: dollars of the invoice and of the bill, hours of each, and a sentence that says what to do."""

    cause: Cause
    what: str
    invoice_usd: Decimal = Decimal(0)
    bill_usd: Decimal = Decimal(0)
    invoice_hours: Decimal = Decimal(0)
    bill_hours: Decimal = Decimal(0)
    text: str = ""


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """Both totals, what agrees, and every difference, the largest first; differences and agreement add up."""

    invoice_usd: Decimal
    bill_usd: Decimal
    agreed: int
    differences: list[Difference]


class _Side:
    """What one side says of a resource."""

    def __init__(self) -> None:
        self.usd = Decimal(0)
        self.hours = Decimal(0)


def reconcile(
    invoice: Iterable[Row], bill: Iterable[Row], *, rates: Mapping[str, Decimal], tolerance: Decimal = CENT
) -> Reconciliation:
    """Compare an invoice with the bill of the same days.

    `rates` are dollars for one unit of a currency (USD is 1). Resources are matched by ResourceId, amounts by
    EffectiveCost, so that what is paid ahead is compared where it is used. Differences of `tolerance` dollars or less
    are agreement.
    """
    known = {"USD": Decimal(1), **rates}
    theirs: dict[str, _Side] = {}
    ours: dict[str, _Side] = {}
    others: dict[str, Decimal] = {}
    unrated: dict[str, Decimal] = {}
    for row in invoice:
        rate = known.get(row["BillingCurrency"])
        cost = Decimal(row["EffectiveCost"])
        if rate is None:
            unrated[row["BillingCurrency"]] = unrated.get(row["BillingCurrency"], Decimal(0)) + cost
        elif row["ChargeCategory"] != "Usage" or not row.get("ResourceId"):
            _put(others, row, cost * rate)
        else:
            _add(theirs.setdefault(row["ResourceId"], _Side()), row, cost * rate)
    for row in bill:
        if row["ChargeCategory"] == "Usage":
            _add(ours.setdefault(row["ResourceId"], _Side()), row, Decimal(row["EffectiveCost"]))
    found = [_compared(name, theirs.get(name), ours.get(name), tolerance) for name in sorted({*theirs, *ours})]
    differences = [one for one in found if one is not None]
    differences += [
        Difference(cause=Cause.OTHER, what=what, invoice_usd=usd, text=f"{what}: no use of a node, so not on the bill")
        for what, usd in sorted(others.items())
        if usd
    ]
    differences += [
        Difference(
            cause=Cause.CURRENCY,
            what=currency,
            text=f"{amount:f} {currency} can't be compared: give its rate, as in --rate {currency}=1.08",
        )
        for currency, amount in sorted(unrated.items())
    ]
    differences.sort(key=lambda one: -abs(one.invoice_usd - one.bill_usd))
    return Reconciliation(
        invoice_usd=sum((side.usd for side in theirs.values()), Decimal(0)) + sum(others.values(), Decimal(0)),
        bill_usd=sum((side.usd for side in ours.values()), Decimal(0)),
        agreed=len(found) - sum(one is not None for one in found),
        differences=differences,
    )


def _add(side: _Side, row: Row, usd: Decimal) -> None:
    """A node's hours are counted by one of its parts: that of which it has most to pay, the accelerators or itself."""
    side.usd += usd
    if (row.get("SkuMeter") or "") not in ("cpu", "memory"):
        side.hours += Decimal(row.get("PricingQuantity") or 0)


def _put(others: dict[str, Decimal], row: Row, usd: Decimal) -> None:
    what = f"{row['ChargeCategory']}: {row.get('ChargeDescription') or row.get('ServiceName') or 'no description'}"
    others[what] = others.get(what, Decimal(0)) + usd


def _compared(name: str, theirs: _Side | None, ours: _Side | None, tolerance: Decimal) -> Difference | None:
    if theirs is None:
        assert ours is not None
        if abs(ours.usd) <= tolerance:
            return None
        text = f"{name}: on the bill and not on the invoice; look whether its charges come with the next one"
        return _difference(Cause.NOT_INVOICED, name, theirs, ours, text)
    if ours is None:
        if abs(theirs.usd) <= tolerance:
            return None
        text = (
            f"{name}: invoiced, but it never was ready here; ask the provider for the money if it was ordered by Tauon"
        )
        return _difference(Cause.UNKNOWN, name, theirs, ours, text)
    if abs(theirs.usd - ours.usd) <= tolerance:
        return None
    if ours.hours and theirs.hours:
        price, paid = ours.usd / ours.hours, theirs.usd / theirs.hours
        if abs(theirs.hours - ours.hours) * price <= tolerance:
            text = f"{name}: ${paid:.4f} an hour is invoiced, the pool's configuration says ${price:.4f}"
            return _difference(Cause.PRICE, name, theirs, ours, text)
    text = f"{name}: {theirs.hours:.2f} h are invoiced, {ours.hours:.2f} h are on the bill"
    return _difference(Cause.HOURS, name, theirs, ours, text)


def _difference(cause: Cause, name: str, theirs: _Side | None, ours: _Side | None, text: str) -> Difference:
    theirs, ours = theirs or _Side(), ours or _Side()
    return Difference(
        cause=cause,
        what=name,
        invoice_usd=theirs.usd,
        bill_usd=ours.usd,
        invoice_hours=theirs.hours,
        bill_hours=ours.hours,
        text=text,
    )
