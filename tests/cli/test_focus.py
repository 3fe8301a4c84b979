"""`tauon cost export`, `check` and `reconcile`: files in and out, and what is wrong with them in a sentence."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from tauon.economics.focus import HEADER
from tauon.service.views import FocusExport
from tests.api.plane import NOON
from tests.cli.shell import Shell
from tests.economics.test_focus import a_ledger, focus_rows

HEAD = "BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,EffectiveCost,ResourceId\n"


@pytest.fixture
def billed(shell: Shell) -> Shell:
    """A shell before a control plane with a bill of two days."""
    found = [[row[name] for name in HEADER] for row in focus_rows(a_ledger())]
    shell.plane.focus_export = FocusExport(version="1.4", from_at=NOON, to_at=NOON, columns=list(HEADER), rows=found)
    return shell


def test_an_export_passes_the_check_and_reconciles(billed: Shell, tmp_path: Path) -> None:
    file = tmp_path / "january.csv"
    assert billed("cost", "export", str(file)).code == 0
    checked = billed("cost", "check", str(file))
    assert (checked.code, checked.out) == (
        0,
        f"{file}: {len(billed.plane.focus_export.rows)} rows, FOCUS, nothing wrong\n",
    )
    ran = billed("cost", "reconcile", str(file), "--where", "provider=aws")
    assert ran.code == 0
    assert "There is no difference." in ran.out
    name, query = billed.plane.seen[-1]
    assert (name, query.where) == ("focus", ("provider=aws",))
    assert (query.to_us - query.from_us) == 2 * 24 * 3_600_000_000


def test_parquet_has_numbers_and_times(billed: Shell, tmp_path: Path) -> None:
    file = tmp_path / "january.parquet"
    assert billed("cost", "export", str(file)).code == 0
    with duckdb.connect() as db:
        (total, began) = db.execute(
            "SELECT sum(EffectiveCost), epoch(min(ChargePeriodStart)) FROM read_parquet(?)", [str(file)]
        ).fetchall()[0]
    rows = focus_rows(a_ledger())
    assert float(total) == pytest.approx(sum(float(row["EffectiveCost"]) for row in rows))
    assert began == 1_767_225_600


def test_without_a_file_it_is_written_out(billed: Shell) -> None:
    ran = billed("cost", "export")
    assert next(csv.reader(ran.out.splitlines())) == list(HEADER)


def test_differences_are_named_and_give_an_exit_code(billed: Shell, tmp_path: Path) -> None:
    file = tmp_path / "invoice.csv"
    billed("cost", "export", str(file))
    file.write_text(file.read_text().replace(",n1,", ",i-0abc,"))
    ran = billed("cost", "reconcile", str(file))
    assert ran.code == 1
    assert "it never was ready here" in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "can't read"),
        ("A,B\n1,2\n", "has no column BillingCurrency"),
        (
            HEAD + "USD,Usage,soon,later,1,n1\n",
            "line 2: ChargePeriodStart is no time: 'soon'",
        ),
        (
            HEAD + "USD,Usage,2026-01-01,2026-01-02,much,n1\n",
            "line 2: EffectiveCost is no number: 'much'",
        ),
    ],
)
def test_a_wrong_invoice_is_a_sentence(shell: Shell, tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "invoice.csv"
    if text is not None:
        file.write_text(text)
    ran = shell("cost", "reconcile", str(file))
    assert ran.code == 2
    assert said in ran.err


def test_a_file_that_is_not_focus_fails_the_check(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "bill.csv"
    file.write_text("Cost\n1\n")
    ran = shell("cost", "check", str(file))
    assert ran.code == 1
    assert "the column BilledCost is missing" in ran.out


def test_a_wrong_rate_is_refused(billed: Shell, tmp_path: Path) -> None:
    file = tmp_path / "invoice.csv"
    billed("cost", "export", str(file))
    ran = billed("cost", "reconcile", str(file), "--rate", "EUR")
    assert (ran.code, "--rate" in ran.err) == (2, True)
