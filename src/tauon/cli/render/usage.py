"""The bill: who used what and what it cost, what was idle, and that both add up to what the capacity costs."""

from __future__ import annotations

from collections.abc import Sequence

from tauon.cli.render.table import Cell, Column, Styled, table
from tauon.cli.render.words import bar, between, day_and_minute, decimals_for, hours, percent, usd
from tauon.cli.screen import Screen
from tauon.service.views import UsageLine, UsageReport

_BAR = 20
_WHO = {"queue": "QUEUE", "user": "USER", "job": "JOB", "pool": "POOL", "accelerator": "ACCELERATOR"}


def usage_report(report: UsageReport, screen: Screen) -> str:
    """A line for each payer, dearest first, then idle time and the total; money in one column with equal decimals."""
    begin, end = day_and_minute(report.from_at, screen), day_and_minute(report.to_at, screen)
    head = f"Usage by {report.by}, {begin} to {end} ({between(report.from_at, report.to_at)})"
    lines = sorted(report.lines, key=lambda line: line.cost_usd, reverse=True)
    body = table(_columns(report.by), _rows(report, lines, screen), screen)
    ending = [] if lines else ["", "No job held anything in this time."]
    return "\n".join([screen.style(head, "bold"), "", body, *ending])


def _columns(by: str) -> list[Column]:
    return [
        Column(_WHO.get(by, by.removeprefix("label:").upper()), least=12),
        Column("NAME", least=10, drop=4, is_optional=True),
        Column("ACCELERATOR-H", is_right=True),
        Column("CPU-H", is_right=True, drop=2),
        Column("MEMORY-GIB-H", is_right=True, drop=3, is_optional=True),
        Column("COST", is_right=True),
        Column("SHARE", is_right=True),
        Column("", drop=5, is_optional=True),
    ]


def _rows(report: UsageReport, lines: Sequence[UsageLine], screen: Screen) -> list[list[Cell]]:
    idle_h = report.idle_accelerator_hours
    used_h = sum(line.accelerator_hours for line in lines)
    accelerators = hours([*(line.accelerator_hours for line in lines), idle_h, used_h + idle_h])
    cores = hours([line.cpu_hours for line in lines])
    memory = hours([line.memory_gib_hours for line in lines])
    has_memory = any(line.memory_gib_hours for line in lines)
    amounts = [*(line.cost_usd for line in lines), report.idle_usd, report.capacity_usd]
    decimals = decimals_for(amounts)
    costs = [usd(amount, decimals) for amount in amounts]
    parts = [float(amount / report.capacity_usd) if report.capacity_usd else 0.0 for amount in amounts]
    bars = [bar(part, _BAR, screen) if screen.is_terminal else "" for part in parts]
    rows: list[list[Cell]] = []
    for i, line in enumerate(lines):
        name = line.name if line.name != line.key else ""
        shown = memory[i] if has_memory else ""
        row = [line.key or "(none)", name, accelerators[i], cores[i], shown, costs[i], percent(parts[i])]
        rows.append([*row, Styled(bars[i], "cyan")])
    idle = ["idle", "", accelerators[-2], "", "", costs[-2], percent(parts[-2]), bars[-2]]
    total = ["total", "", accelerators[-1], "", "", costs[-1], "", ""]
    rows.append([Styled(text, "dim") for text in idle])
    rows.append([Styled(text, "bold") for text in total])
    return rows
