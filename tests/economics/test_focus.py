"""FOCUS: the bill keeps all rules of the specification, adds up to the bill, and is compared with what others say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tauon.economics.cost import Split, cost
from tauon.economics.focus import HEADER, Account, rows
from tauon.economics.focus_rules import COLUMNS, MANDATORY, check
from tauon.economics.folded import FoldedLedger
from tauon.economics.reconcile import Cause, reconcile
from tauon.model.event import Event, Fact, JobSucceeded, NodeReady, PoolConfigured
from tauon.model.money import HOUR_US
from tauon.model.resources import CapacityType
from tauon.ports.ledger import Window
from tests.builders import START_US, a_job, a_node, a_pool, a_run, an_attempt, an_end

ACCOUNT = Account("f00d", "Tauon f00d")
TWO_DAYS = Window(from_us=START_US, to_us=START_US + 48 * HOUR_US)


def a_ledger(capacity_type: CapacityType = CapacityType.ON_DEMAND, **node: Any) -> FoldedLedger:
    """One node for two days; two jobs, one of them over midnight and with labels."""
    pool = a_pool(provider="aws", prices_usd_per_h={"H100": "2", "overhead": "0.1"})
    long, short = a_job(1, gpus=3, queue="research", labels={"team": "vision"}), a_job(2, gpus=1)
    first, second = an_attempt(long), an_attempt(short, first=4)
    timed: list[tuple[float, Fact]] = [
        (0, PoolConfigured(pool=pool)),
        (0, NodeReady(node=a_node(capacity_type=capacity_type, region="eu-1", **node))),
        *((1.0, fact) for fact in a_run(long, first)),
        *((2.5, fact) for fact in a_run(short, second)),
        *((3.7, fact) for fact in (an_end(second), JobSucceeded(job_id=short.id))),
        *((25.1, fact) for fact in (an_end(first), JobSucceeded(job_id=long.id))),
    ]
    events = [Event(seq=i, at_us=START_US + round(h * HOUR_US), fact=f) for i, (h, f) in enumerate(timed, start=1)]
    ledger = FoldedLedger(lambda after: events[after:])
    ledger.catch_up()
    return ledger


def focus_rows(ledger: FoldedLedger, where: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    return list(rows(ledger.entries(where or {}, TWO_DAYS), ACCOUNT))


def total(found: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in found), Decimal(0))


@pytest.mark.parametrize("capacity_type", CapacityType)
def test_every_rule_is_kept_and_it_adds_up_to_the_bill(capacity_type: CapacityType) -> None:
    ledger = a_ledger(capacity_type)
    found = focus_rows(ledger)
    assert check(HEADER, found) == []
    bill = cost(ledger.sums("queue", {}, TWO_DAYS), by="queue", split=Split.NONE)
    assert round(total(found, "EffectiveCost"), 6) == bill.total.usd
    billed = total(found, "BilledCost")
    assert billed == pytest.approx(total(found, "EffectiveCost"), abs=Decimal("0.0000001"))


def test_a_job_over_midnight_has_rows_for_both_days() -> None:
    found = [row for row in focus_rows(a_ledger()) if row["AllocatedResourceId"] == "j1"]
    hours = {(row["ChargePeriodStart"][:10], row["SkuMeter"]): row["PricingQuantity"] for row in found}
    assert hours["2026-01-01", "accelerator"] == "69"
    assert hours["2026-01-02", "accelerator"] == "3.3"
    assert {row["SubAccountId"] for row in found} == {"research"}
    assert json.loads(found[0]["Tags"]) == {"team": "vision"}


def test_a_shared_node_says_how_it_was_split() -> None:
    row = next(r for r in focus_rows(a_ledger()) if r["AllocatedResourceId"] == "j2" and r["SkuMeter"] == "accelerator")
    assert row["AllocatedMethodId"] == "request"
    (element,) = json.loads(row["AllocatedMethodDetails"])["Elements"]
    assert element["AllocatedRatio"] == pytest.approx(1.2 / (8 * 24))


def test_a_reservation_is_bought_once_and_used_or_not() -> None:
    found = focus_rows(a_ledger(CapacityType.RESERVED))
    bought = [row for row in found if row["ChargeCategory"] == "Purchase"]
    assert {row["EffectiveCost"] for row in bought} == {"0"}
    statuses = {row["x_Kind"]: row["CommitmentDiscountStatus"] for row in found if row["CommitmentDiscountId"]}
    assert statuses == {"work": "Used", "idle": "Unused", "purchase": ""}


def test_the_columns_are_those_that_must_be_there_and_more() -> None:
    assert len(MANDATORY) == 21
    assert len(COLUMNS) == 65
    assert all(name in COLUMNS or name.startswith("x_") for name in HEADER)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"BilledCost": ""}, "BilledCost is empty"),
        ({"BilledCost": "much"}, "BilledCost is 'much', which is not a decimal number"),
        ({"BillingCurrency": "usd"}, "which is not a currency"),
        ({"ChargeCategory": "Rent"}, "not one of Adjustment, Credit"),
        ({"ChargePeriodEnd": "2026-01-02"}, "which is not a time in UTC"),
        ({"ChargePeriodEnd": "2026-13-02T00:00:00Z"}, "which is not a time in UTC"),
        ({"ChargePeriodEnd": "2025-01-02T00:00:00Z"}, "charge period ends before"),
        ({"ListCost": "9"}, "ListCost is 9, but ListUnitPrice x PricingQuantity is"),
        ({"PricingUnit": ""}, "PricingQuantity is given without PricingUnit"),
        ({"Tags": "team=a"}, "which is not a JSON object"),
        ({"AllocatedMethodId": ""}, "AllocatedResourceId is given without AllocatedMethodId"),
        ({"CommitmentDiscountStatus": "Used"}, "given without CommitmentDiscountId"),
    ],
)
def test_what_breaks_a_rule_is_named(change: dict[str, str], said: str) -> None:
    row = next(r for r in focus_rows(a_ledger()) if r["AllocatedResourceId"] == "j1") | change
    problems = check(HEADER, [row])
    assert len(problems) >= 1
    assert said in problems[0]
    assert problems[0].startswith("row 1: ")


def test_columns_that_are_missing_or_unknown_are_named() -> None:
    assert check([name for name in HEADER if name != "ListCost"], []) == ["the column ListCost is missing"]
    assert "the column Cost is not one of FOCUS" in check([*HEADER, "Cost"], [])[0]


def an_invoice_row(**fields: str) -> dict[str, str]:
    """A day of the node `n1`, as its provider has it: 24 h at $16 an hour."""
    defaults = {
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargeDescription": "p5.48xlarge",
        "EffectiveCost": "384",
        "PricingQuantity": "24",
        "ResourceId": "n1",
    }
    return defaults | fields


def a_bill_row(**fields: str) -> dict[str, str]:
    return an_invoice_row(**fields)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"ResourceId": "ghost"}, {Cause.UNKNOWN, Cause.NOT_INVOICED}),
        ({"EffectiveCost": "400", "PricingQuantity": "25"}, {Cause.HOURS}),
        ({"EffectiveCost": "480"}, {Cause.PRICE}),
        ({"ChargeCategory": "Tax"}, {Cause.OTHER, Cause.NOT_INVOICED}),
        ({"BillingCurrency": "EUR"}, {Cause.CURRENCY, Cause.NOT_INVOICED}),
    ],
)
def test_every_difference_has_its_cause(change: dict[str, str], cause: set[Cause]) -> None:
    found = reconcile([an_invoice_row(**change)], [a_bill_row()], rates={})
    assert {one.cause for one in found.differences} == cause
    assert all(one.text for one in found.differences)
    known = sum((one.invoice_usd for one in found.differences), Decimal(0))
    assert known == found.invoice_usd


def test_equal_bills_have_no_difference_in_other_currencies_too() -> None:
    invoice = [an_invoice_row(BillingCurrency="EUR", EffectiveCost="192"), an_invoice_row(ResourceId="n2")]
    bill = [a_bill_row(), a_bill_row(ResourceId="n2", EffectiveCost="384.009")]
    found = reconcile(invoice, bill, rates={"EUR": Decimal(2)})
    assert (found.differences, found.agreed) == ([], 2)


def test_our_own_export_reconciles_with_itself() -> None:
    found = focus_rows(a_ledger())
    again = reconcile([r for r in found if r["ChargeCategory"] == "Usage"], found, rates={})
    assert again.differences == []
    assert again.invoice_usd == again.bill_usd
