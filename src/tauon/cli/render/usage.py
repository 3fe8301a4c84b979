"""The bill: who used what and what it cost, what was idle, and that both add up to what the capacity costs."""

from __future__ import annotations

from collections.abc import Sequence

from tauon.cli.render.table import Cell, Column, Styled, table
from tauon.cli.render.words import bar, between, day_and_minute, decimals_for, hours, percent, usd
from tauon.cli.screen import Screen
from tauon.service.views import UsageReport

_BAR = 20
_WHO = {"queue": "QUEUE", "user": "USER", "job": "JOB", "pool": "POOL", "accelerator": "ACCELERATOR"}


def usage_report(report: UsageReport, screen: Screen) -> str:
    """A line for each payer, dearest first, then idle time and the total; money in one column with equal decimals."""
    begin, end = day_and_minute(report.from_at, screen), day_and_minute(report.to_at, screen)
    head = f"Usage by {report.by}, {begin} to {end} ({between(report.from_at, report.to_at)})"
    lines = sorted(report.lines, key=lambda line: line.cost_usd, reverse=True)
    has_names = any(line.name and line.name != line.key for line in lines)
    columns = [
        Column(_WHO.get(report.by, report.by.removeprefix("label:").upper()), least=12),
        Column("NAME", least=10, drop=4, is_optional=True),
        Column("ACCELERATOR-H", is_right=True),
        Column("CPU-H", is_right=True, drop=2),
        Column("MEMORY-GIB-H", is_right=True, drop=3),
        Column("COST", is_right=True),
        Column("SHARE", is_right=True),
    ]
    decimals = decimals_for([*(line.cost_usd for line in lines), report.idle_usd, report.capacity_usd])
    total = report.capacity_usd

    def share(amount: object) -> float:
        return float(str(amount)) / float(total) if total else 0.0

    rows: list[list[Cell]] = [
        [
            line.key or "(none)",
            line.name if has_names else "",
            hours(line.accelerator_hours),
            hours(line.cpu_hours),
            hours(line.memory_gib_hours),
            usd(line.cost_usd, decimals),
            percent(share(line.cost_usd)),
        ]
        for line in lines
    ]
    used = sum(line.accelerator_hours for line in lines)
    idle = [
        hours(report.idle_accelerator_hours),
        "",
        "",
        usd(report.idle_usd, decimals),
        percent(share(report.idle_usd)),
    ]
    summed = [hours(used + report.idle_accelerator_hours), "", "", usd(total, decimals), ""]
    rows.append([Styled("idle", "dim"), "", *(Styled(text, "dim") for text in idle)])
    rows.append([Styled("total", "bold"), "", *(Styled(text, "bold") for text in summed)])
    if screen.is_terminal:
        columns.append(Column("", drop=5))
        shares = [*(share(line.cost_usd) for line in lines), share(report.idle_usd)]
        styles = ["cyan"] * len(lines) + ["dim"]
        drawn = [Styled(bar(part, _BAR, screen), style) for part, style in zip(shares, styles, strict=True)]
        rows = [[*row, cell] for row, cell in zip(rows, [*drawn, Styled("", "")], strict=True)]
    return "\n".join([screen.style(head, "bold"), "", table(columns, rows, screen), *_nothing(lines)])


def _nothing(lines: Sequence[object]) -> list[str]:
    return [] if lines else ["", "No job held anything in this time."]
