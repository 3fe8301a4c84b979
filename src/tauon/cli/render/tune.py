"""The choices of a tuning as a table: the cheapest first, with what each reaches and how full it is."""

from __future__ import annotations

from tauon.cli.render.table import Cell, Column, table
from tauon.cli.render.words import count, duration, percent
from tauon.cli.screen import Screen
from tauon.economics.tuning.search import Choice, Tuning


def tuning(found: Tuning, screen: Screen) -> str:
    """What was asked, the table, and how many ways were looked at."""
    head = f"{found.model}, {found.parameters / 1e9:,.1f} billion parameters, {found.task}"
    columns = [
        Column("GPUS"),
        Column("IN", least=8, is_optional=True, drop=5),
        Column("PRECISION"),
        Column("TP x PP x DP", drop=2),
        Column("BATCH", is_right=True, drop=3),
        Column("MEMORY", is_right=True, drop=4),
        Column("FIRST TOKEN", is_right=True, is_optional=True, drop=1),
        Column("A TOKEN", is_right=True, is_optional=True),
        Column("OF PEAK", is_right=True, is_optional=True, drop=6),
        Column("TOKENS/S", is_right=True),
        Column("A MILLION", is_right=True),
        Column("TIME", is_right=True, is_optional=True),
        Column("COST", is_right=True, is_optional=True),
    ]
    body = table(columns, [_row(choice) for choice in found.choices], screen)
    tail = (
        f"{count(found.tried, 'way')} looked at: {count(found.unfit, 'division')} did not fit, "
        f"{found.late:,} missed the goal."
    )
    corrected = sorted({f"{c.accelerator} x {c.factor:.2f}" for c in found.choices if c.factor != 1.0})
    notes = [f"Times are corrected by what was measured: {', '.join(corrected)}."] if corrected else []
    return "\n".join([screen.style(head, "bold"), "", body, "", tail, *notes])


def _row(choice: Choice) -> list[Cell]:
    return [
        f"{choice.gpus} {choice.accelerator}",
        choice.pool,
        choice.precision.value + (", recompute" if choice.recompute else ""),
        f"{choice.tp} x {choice.pp} x {choice.dp}",
        str(choice.batch),
        percent(choice.memory_share),
        _ms(choice.first_token_s),
        _ms(choice.per_token_s),
        "" if choice.utilisation is None else percent(choice.utilisation),
        f"{choice.tokens_per_s:,.0f}",
        f"${choice.usd_per_mtoken:,.4g}",
        "" if choice.hours is None else duration(choice.hours * 3600),
        "" if choice.usd is None else f"${choice.usd:,.2f}",
    ]


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.4g} ms"
