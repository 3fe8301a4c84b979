"""Budgets as a table: what of each is spent, what is expected, and when nothing will be left."""

from __future__ import annotations

from decimal import Decimal

from tauon.cli.render.table import Cell, Column, Styled, table, wrapped
from tauon.cli.render.words import bar, day_and_minute, percent, sentence, usd
from tauon.cli.screen import Screen
from tauon.service.views import BudgetView

_BAR = 10
_STYLES = {"spent": "red", "ahead": "yellow", "within": "green"}
_UNITS = {"usd": "", "accelerator-hours": " h"}


def budget_list(budgets: list[BudgetView], screen: Screen) -> str:
    """A line for each, and below the warnings."""
    if not budgets:
        return ""
    columns = [
        Column("QUEUE", least=12),
        Column("A"),
        Column("BUDGET", is_right=True),
        Column("SPENT", is_right=True),
        Column("", drop=5, is_optional=True),
        Column("EXPECTED", is_right=True, drop=2),
        Column("SPENT BY", drop=1),
        Column("THEN", drop=3),
    ]
    body = table(columns, [_row(one, screen) for one in budgets], screen)
    warnings = [wrapped(f"- {sentence(text)}", screen) for one in budgets for text in one.warnings]
    return "\n".join([body, *([""] if warnings else []), *warnings])


def _row(one: BudgetView, screen: Screen) -> list[Cell]:
    style = _STYLES[one.outcome]
    then = "what runs is stopped" if one.stop else "nothing starts" if one.hard else "a warning"
    return [
        one.queue,
        one.period,
        _amount(one.amount, one.unit),
        Styled(f"{_amount(one.spent, one.unit)} ({percent(one.share)})", style),
        Styled(bar(one.share, _BAR, screen) if screen.is_terminal else "", style),
        f"{_amount(one.expected, one.unit)} ({percent(one.expected_share)})",
        Styled("now", style)
        if one.share >= 1
        else ""
        if one.breach_at is None
        else day_and_minute(one.breach_at, screen),
        then,
    ]


def _amount(amount: Decimal, unit: str) -> str:
    return usd(amount, 2) if unit == "usd" else f"{amount:,.1f}{_UNITS[unit]}"
