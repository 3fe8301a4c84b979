"""FOCUS 1.4, the open specification of bills: its columns as data, and a check of rows against its rules.

Written from the specification of the FinOps Foundation (focus.finops.org), Cost and Usage dataset. What a provider adds of
its own has the prefix `x_`.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

import msgspec

VERSION = "1.4"
CUSTOM = "x_"
Row = Mapping[str, str]


class Kind(enum.Enum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "a decimal number"
    TIME = "a time in UTC as 2026-01-31T00:00:00Z"
    CURRENCY = "a currency of ISO 4217, three capitals"
    JSON = "a JSON object"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A column: what it holds, whether it must be there, whether it may be empty, and the values that are allowed."""

    kind: Kind = Kind.TEXT
    is_mandatory: bool = False
    may_be_empty: bool = True
    allowed: frozenset[str] = frozenset()


def _must(kind: Kind = Kind.TEXT, *allowed: str) -> Rule:
    return Rule(kind=kind, is_mandatory=True, may_be_empty=False, allowed=frozenset(allowed))


def _nullable(kind: Kind = Kind.TEXT, *allowed: str) -> Rule:
    return Rule(kind=kind, is_mandatory=True, may_be_empty=True, allowed=frozenset(allowed))


def _may(kind: Kind = Kind.TEXT, *allowed: str) -> Rule:
    return Rule(kind=kind, is_mandatory=False, may_be_empty=True, allowed=frozenset(allowed))


SERVICE_CATEGORIES = (
    "AI and Machine Learning",
    "Analytics",
    "Business Applications",
    "Compute",
    "Databases",
    "Developer Tools",
    "Identity",
    "Integration",
    "Internet of Things",
    "Management and Governance",
    "Media",
    "Migration",
    "Mobile",
    "Multicloud",
    "Networking",
    "Security",
    "Storage",
    "Web",
    "Other",
)

COLUMNS: dict[str, Rule] = {
    "BilledCost": _must(Kind.NUMBER),
    "BillingAccountId": _must(),
    "BillingAccountName": _nullable(),
    "BillingCurrency": _must(Kind.CURRENCY),
    "BillingPeriodStart": _must(Kind.TIME),
    "BillingPeriodEnd": _must(Kind.TIME),
    "ChargeCategory": _must(Kind.TEXT, "Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    "ChargeClass": _nullable(Kind.TEXT, "Correction"),
    "ChargeDescription": _nullable(),
    "ChargePeriodStart": _must(Kind.TIME),
    "ChargePeriodEnd": _must(Kind.TIME),
    "ContractedCost": _must(Kind.NUMBER),
    "EffectiveCost": _must(Kind.NUMBER),
    "HostProviderName": _nullable(),
    "InvoiceIssuerName": _must(),
    "ListCost": _must(Kind.NUMBER),
    "PricingQuantity": _nullable(Kind.NUMBER),
    "PricingUnit": _nullable(),
    "ServiceCategory": _must(Kind.TEXT, *SERVICE_CATEGORIES),
    "ServiceName": _must(),
    "ServiceProviderName": _must(),
    "AllocatedMethodDetails": _may(Kind.JSON),
    "AllocatedMethodId": _may(),
    "AllocatedResourceId": _may(),
    "AllocatedResourceName": _may(),
    "AllocatedTags": _may(Kind.JSON),
    "AvailabilityZone": _may(),
    "BillingAccountType": _may(),
    "CapacityReservationId": _may(),
    "CapacityReservationStatus": _may(Kind.TEXT, "Used", "Unused"),
    "ChargeFrequency": _may(Kind.TEXT, "One-Time", "Recurring", "Usage-Based"),
    "CommitmentDiscountCategory": _may(Kind.TEXT, "Spend", "Usage"),
    "CommitmentDiscountId": _may(),
    "CommitmentDiscountName": _may(),
    "CommitmentDiscountQuantity": _may(Kind.NUMBER),
    "CommitmentDiscountStatus": _may(Kind.TEXT, "Used", "Unused"),
    "CommitmentDiscountType": _may(),
    "CommitmentDiscountUnit": _may(),
    "CommitmentProgramEligibilityDetails": _may(Kind.JSON),
    "ConsumedQuantity": _may(Kind.NUMBER),
    "ConsumedUnit": _may(),
    "ContractApplied": _may(Kind.JSON),
    "ContractedUnitPrice": _may(Kind.NUMBER),
    "InvoiceDetailId": _may(),
    "InvoiceId": _may(),
    "ListUnitPrice": _may(Kind.NUMBER),
    "PricingCategory": _may(Kind.TEXT, "Standard", "Dynamic", "Committed", "Other"),
    "PricingCurrency": _may(Kind.CURRENCY),
    "PricingCurrencyContractedUnitPrice": _may(Kind.NUMBER),
    "PricingCurrencyEffectiveCost": _may(Kind.NUMBER),
    "PricingCurrencyListUnitPrice": _may(Kind.NUMBER),
    "RegionId": _may(),
    "RegionName": _may(),
    "ResourceId": _may(),
    "ResourceName": _may(),
    "ResourceType": _may(),
    "ServiceSubcategory": _may(),
    "SkuId": _may(),
    "SkuMeter": _may(),
    "SkuPriceDetails": _may(Kind.JSON),
    "SkuPriceId": _may(),
    "SubAccountId": _may(),
    "SubAccountName": _may(),
    "SubAccountType": _may(),
    "Tags": _may(Kind.JSON),
}
MANDATORY = tuple(name for name, rule in COLUMNS.items() if rule.is_mandatory)

# (if this is there, that must be): columns that mean nothing alone.
TOGETHER = (
    ("PricingQuantity", "PricingUnit"),
    ("PricingUnit", "PricingQuantity"),
    ("ConsumedQuantity", "ConsumedUnit"),
    ("ConsumedUnit", "ConsumedQuantity"),
    ("SubAccountName", "SubAccountId"),
    ("ResourceName", "ResourceId"),
    ("RegionName", "RegionId"),
    ("SkuPriceId", "SkuId"),
    ("CapacityReservationStatus", "CapacityReservationId"),
    ("CommitmentDiscountId", "CommitmentDiscountCategory"),
    ("CommitmentDiscountId", "CommitmentDiscountType"),
    ("CommitmentDiscountStatus", "CommitmentDiscountId"),
    ("CommitmentDiscountQuantity", "CommitmentDiscountUnit"),
    ("AllocatedResourceId", "AllocatedMethodId"),
    ("AllocatedMethodDetails", "AllocatedMethodId"),
    ("AllocatedResourceName", "AllocatedResourceId"),
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_CURRENCY = re.compile(r"[A-Z]{3}")
TOLERANCE = Decimal("0.000001")


def check(header: Sequence[str], rows: Iterable[Row], *, most: int = 50) -> list[str]:
    """What is wrong with a FOCUS file, a sentence each, no more than `most`; an empty list when all rules hold."""
    problems = [f"the column {name} is missing" for name in MANDATORY if name not in header]
    problems += [
        f"the column {name} is not one of FOCUS {VERSION}; columns of one's own begin with {CUSTOM}"
        for name in header
        if name not in COLUMNS and not name.startswith(CUSTOM)
    ]
    known = [name for name in header if name in COLUMNS]
    for number, row in enumerate(rows, start=1):
        if len(problems) >= most:
            break
        faults = [fault for name in known for fault in _value_faults(name, row[name] or "")]
        problems += [f"row {number}: {fault}" for fault in faults or _row_faults(row)]
    return problems[:most]


def _value_faults(name: str, value: str) -> list[str]:
    rule = COLUMNS[name]
    if not value:
        return [] if rule.may_be_empty else [f"{name} is empty"]
    if rule.allowed and value not in rule.allowed:
        return [f"{name} is {value!r}, not one of {', '.join(sorted(rule.allowed))}"]
    return [] if _is(rule.kind, value) else [f"{name} is {value!r}, which is not {rule.kind.value}"]


def _is(kind: Kind, value: str) -> bool:
    match kind:
        case Kind.TEXT:
            return True
        case Kind.NUMBER:
            return number(value) is not None
        case Kind.CURRENCY:
            return bool(_CURRENCY.fullmatch(value))
        case Kind.TIME:
            return bool(_TIME.fullmatch(value)) and _is_moment(value)
        case Kind.JSON:
            try:
                return isinstance(json.loads(value), dict)
            except ValueError:
                return False


def _is_moment(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def number(text: str) -> Decimal | None:
    """A decimal number, or None."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _row_faults(row: Row) -> list[str]:
    """What contradicts itself in a row whose values are all right each for itself."""

    def has(name: str) -> str:
        return row.get(name) or ""

    faults = [f"{one} is given without {other}" for one, other in TOGETHER if has(one) and not has(other)]
    faults += [
        f"the {what.lower()} period ends before it begins"
        for what in ("Billing", "Charge")
        if has(f"{what}PeriodStart") >= has(f"{what}PeriodEnd")
    ]
    is_correction = has("ChargeClass") == "Correction"
    category = has("ChargeCategory")
    if not is_correction:
        faults += _price_faults(row, "List")
        faults += _price_faults(row, "Contracted")
    if category in ("Tax", "Adjustment") and has("PricingCategory"):
        faults.append(f"PricingCategory has no meaning for a charge of category {category}")
    if category == "Usage" and has("PricingQuantity") == "" and not is_correction:
        faults.append("a charge for usage has no PricingQuantity")
    if category == "Usage" and has("CommitmentDiscountId") and not has("CommitmentDiscountStatus"):
        faults.append("usage under a commitment has no CommitmentDiscountStatus")
    if category == "Purchase" and has("CommitmentDiscountId") and Decimal(has("EffectiveCost")) != 0:
        faults.append("the purchase of a commitment has an EffectiveCost, which belongs to the usage that it covers")
    return faults


def _price_faults(row: Row, which: str) -> list[str]:
    """Cost = unit price x quantity, where all three are there."""
    price, quantity = row.get(f"{which}UnitPrice") or "", row.get("PricingQuantity") or ""
    if not price or not quantity:
        return []
    expected, found = Decimal(price) * Decimal(quantity), Decimal(row[f"{which}Cost"])
    if abs(expected - found) <= max(TOLERANCE, abs(expected) * TOLERANCE):
        return []
    return [f"{which}Cost is {found}, but {which}UnitPrice x PricingQuantity is {expected}"]
