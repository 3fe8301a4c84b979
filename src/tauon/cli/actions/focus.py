"""Export the bill in FOCUS, check such files, and compare a provider's with ours."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from tauon.cli.actions.money import window
from tauon.cli.command import Call
from tauon.cli.invocation import output_of
from tauon.cli.money_options import CheckOptions, ExportOptions, ReconcileOptions
from tauon.cli.output import Output
from tauon.cli.render.reconciliation import reconciliation
from tauon.cli.screen import Screen
from tauon.economics.focus_rules import COLUMNS, Kind, check, number
from tauon.economics.reconcile import reconcile
from tauon.model.errors import InvalidRequest
from tauon.service.control_plane import ControlPlane, FocusQuery
from tauon.service.views import FocusExport

# What a comparison looks at; the rest of an invoice may be as it likes.
NEEDED = ("BillingCurrency", "ChargeCategory", "ChargePeriodStart", "ChargePeriodEnd", "EffectiveCost", "ResourceId")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a file has, and what is wrong with them."""

    file: str
    rows: int
    problems: list[str]


async def export_focus(plane: ControlPlane, output: Output, options: ExportOptions) -> int:
    """`tauon cost export`."""
    from_us, to_us = window(output, options.since, options.until)
    found = await plane.focus(FocusQuery(from_us=from_us, to_us=to_us, where=options.where))
    problems = check(found.columns, (dict(zip(found.columns, row, strict=True)) for row in found.rows))
    for problem in problems:
        output.warn(f"FOCUS {found.version}: {problem}")
    if options.file is None:
        output.write(_csv(found))
    else:
        _write(options.file, found)
        output.note(f"{len(found.rows):,} rows in {options.file}.")
    return 1 if problems else 0


def check_focus(call: Call, options: CheckOptions) -> int:
    """`tauon cost check`."""
    header, rows = read_focus(options.file)
    checked = Checked(file=str(options.file), rows=len(rows), problems=check(header, rows))
    output_of(call).show(checked, _checked)
    return 1 if checked.problems else 0


async def reconcile_invoice(plane: ControlPlane, output: Output, options: ReconcileOptions) -> int:
    """`tauon cost reconcile`: the bill of the days that the invoice is about."""
    header, invoice = read_focus(options.file)
    missing = [name for name in NEEDED if name not in header]
    if missing or not invoice:
        raise InvalidRequest(f"{options.file}: {f'has no column {missing[0]}' if missing else 'has no rows'}")
    _check_values(options.file, invoice)
    begin = min(row["ChargePeriodStart"] for row in invoice)
    end = max(row["ChargePeriodEnd"] for row in invoice)
    query = FocusQuery(from_us=_us(begin), to_us=_us(end), where=options.where)
    ours = await plane.focus(query)
    bill = [dict(zip(ours.columns, row, strict=True)) for row in ours.rows]
    found = reconcile(invoice, bill, rates=_rates(options.rate), tolerance=_decimal(options.tolerance, "--tolerance"))
    output.show(found, reconciliation)
    return 1 if found.differences else 0


def read_focus(path: Path) -> tuple[Sequence[str], list[dict[str, str]]]:
    """The header and the rows of a CSV file. Raises InvalidRequest."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            rows = [{name: value for name, value in row.items() if name is not None} for row in reader]
            return list(reader.fieldnames or ()), rows
    except OSError as error:
        raise InvalidRequest(f"can't read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"{path} is no CSV file: {error}") from error


def _check_values(path: Path, invoice: Sequence[dict[str, str]]) -> None:
    for line, row in enumerate(invoice, start=2):
        for name in ("ChargePeriodStart", "ChargePeriodEnd"):
            try:
                datetime.fromisoformat(row[name])
            except ValueError as error:
                raise InvalidRequest(f"{path}, line {line}: {name} is no time: {row[name]!r}") from error
        for name in ("EffectiveCost", *(n for n in ("PricingQuantity",) if row.get(n))):
            if number(row[name]) is None:
                raise InvalidRequest(f"{path}, line {line}: {name} is no number: {row[name]!r}")


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


def _rates(texts: Sequence[str]) -> dict[str, Decimal]:
    rates = {}
    for text in texts:
        currency, _, rate = text.partition("=")
        rates[currency.upper()] = _decimal(rate, "--rate")
    return rates


def _decimal(text: str, flag: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise InvalidRequest(f"{flag}: {text!r} is no amount; write 0.01, or --rate EUR=1.08")
    return value


def _checked(found: Checked, _: Screen) -> str:
    said = "FOCUS, nothing wrong" if not found.problems else "not as FOCUS wants it"
    return "\n".join([f"{found.file}: {found.rows:,} rows, {said}", *found.problems])


def _csv(found: FocusExport) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows(found.rows)
    return text.getvalue()


def _write(path: Path, found: FocusExport) -> None:
    try:
        if path.suffix == ".parquet":
            _write_parquet(path, found)
        else:
            path.write_text(_csv(found), encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"can't write {path}: {error.strerror}") from error


def _write_parquet(path: Path, found: FocusExport) -> None:
    """By way of CSV, with numbers as decimals and times as timestamps. Raises InvalidRequest without the extra."""
    try:
        import duckdb
    except ImportError as error:
        raise InvalidRequest(
            "Parquet needs a package that is not there; install it: pip install 'tauon[bill]'"
        ) from error
    kinds = {Kind.NUMBER: "DECIMAL(38, 12)", Kind.TIME: "TIMESTAMPTZ"}
    types = {name: kinds.get(COLUMNS[name].kind, "VARCHAR") if name in COLUMNS else "VARCHAR" for name in found.columns}
    with tempfile.TemporaryDirectory(prefix="tauon-") as folder:
        source = Path(folder) / "focus.csv"
        source.write_text(_csv(found), encoding="utf-8")
        with duckdb.connect() as db:
            db.execute("SET TimeZone = 'UTC'")
            db.execute(
                f"CREATE TABLE focus AS SELECT * FROM read_csv($file, header=true, columns={types!r})",  # noqa: S608
                {"file": str(source)},
            )
            db.table("focus").write_parquet(str(path), compression="zstd")
