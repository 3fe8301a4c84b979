"""The bill as a table: a line for each payer or place, what nobody held, and the total."""

from __future__ import annotations

from decimal import Decimal

from tauon.cli.render.table import Cell, Column, Styled, table
from tauon.cli.render.words import bar, between, count, day_and_minute, decimals_for, hours, percent, usd
from tauon.cli.screen import Screen
from tauon.service.views import CostReport

_BAR = 16


def cost_report(report: CostReport, screen: Screen) -> str:
    """Dearest first; the three kinds of cost each in a column of equal decimals, and their sum."""
    begin, end = day_and_minute(report.from_at, screen), day_and_minute(report.to_at, screen)
    head = f"Cost by {report.by}, {begin} to {end} ({between(report.from_at, report.to_at)})"
    body = table(_columns(report), _rows(report, screen), screen)
    how = {"uniform": "uniformly", "use": "by use", "weight": "by weight"}.get(report.split, "")
    notes = [f"Idle time and overhead are split {how}."] if how else []
    notes += [f"The last line sums up {count(report.others, 'more line')}."] if report.others else []
    notes += [] if report.lines else ["Nothing was held in this time."]
    return "\n".join([screen.style(head, "bold"), "", body, *([""] if notes else []), *notes])


def _columns(report: CostReport) -> list[Column]:
    return [
        Column(report.by.removeprefix("label:").upper(), least=12),
        Column("NAME", least=10, drop=5, is_optional=True),
        Column("ACCELERATOR-H", is_right=True, drop=2),
        Column("WORK", is_right=True, drop=1),
        Column("IDLE", is_right=True, drop=3, is_optional=True),
        Column("OVERHEAD", is_right=True, drop=4, is_optional=True),
        Column("COST", is_right=True),
        Column("SHARE", is_right=True),
        Column("", drop=6, is_optional=True),
    ]


def _rows(report: CostReport, screen: Screen) -> list[list[Cell]]:
    lines = report.lines
    accelerators = hours([*(line.accelerator_hours for line in lines), report.accelerator_hours])
    places = decimals_for([*(line.cost_usd for line in lines), report.total_usd])
    has_idle, has_overhead = any(line.idle_usd for line in lines), any(line.overhead_usd for line in lines)
    rows: list[list[Cell]] = []
    for line, used in zip(lines, accelerators, strict=False):
        part = float(line.cost_usd / report.total_usd) if report.total_usd else 0.0
        rows.append(
            [
                line.key or "(none)",
                line.name if line.name != line.key else "",
                used,
                usd(line.work_usd, places),
                usd(line.idle_usd, places) if has_idle else "",
                usd(line.overhead_usd, places) if has_overhead else "",
                usd(line.cost_usd, places),
                percent(part),
                Styled(bar(part, _BAR, screen) if screen.is_terminal else "", "cyan"),
            ]
        )
    if report.unallocated_usd:
        rows.append(_footer("idle and overhead", report.unallocated_usd, report, places, "dim"))
    rows.append(_footer("total", report.total_usd, report, places, "bold", accelerators[-1]))
    return rows


def _footer(name: str, amount: Decimal, report: CostReport, places: int, style: str, used: str = "") -> list[Cell]:
    part = percent(float(amount / report.total_usd)) if report.total_usd and name != "total" else ""
    cells = [name, "", used, "", "", "", usd(amount, places), part, ""]
    return [Styled(text, style) for text in cells]
