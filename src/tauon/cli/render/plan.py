"""A supply plan as text: what to reserve, what is left to the markets, and what it comes to against the alternatives."""

from __future__ import annotations

from tauon.cli.render.table import Column, Row, table, wrapped
from tauon.cli.render.words import count, number, percent
from tauon.cli.screen import Screen
from tauon.economics.supply.market import Portfolio


def portfolio(found: Portfolio, screen: Screen) -> str:
    """Purchases, then the rest, then the costs side by side."""
    parts = [_purchases(found, screen), "", _flows(found, screen), "", _costs(found, screen)]
    parts += ["", _others(found, screen), "", *_notes(found, screen)]
    return "\n".join(parts)


def _usd(amount: float) -> str:
    return f"${amount:,.0f}"


def _purchases(found: Portfolio, screen: Screen) -> str:
    if not found.purchases:
        return screen.style("Reserve nothing: at these prices no reservation pays for itself.", "bold")
    columns = [
        Column("RESERVE"),
        Column("IN", least=10),
        Column("FOR", least=10),
        Column("TERM"),
        Column("GPUS", is_right=True),
        Column("A GPU-HOUR", is_right=True, drop=1),
        Column("COST", is_right=True),
        Column("AFTERWARDS", is_right=True, is_optional=True, drop=2),
    ]
    rows: list[Row] = [
        (
            count(p.nodes, "node"),
            p.pool,
            p.demand,
            p.term,
            number(p.gpus),
            f"${p.usd_per_h:.4g}",
            _usd(p.usd),
            _usd(p.beyond_usd) if p.beyond_usd else "",
        )
        for p in found.purchases
    ]
    return table(columns, rows, screen)


def _flows(found: Portfolio, screen: Screen) -> str:
    columns = [
        Column("THE REST"),
        Column("IN", least=10),
        Column("FOR", least=10),
        Column("GPU-HOURS", is_right=True),
        Column("COST", is_right=True),
    ]
    rows: list[Row] = [(f.market, f.pool, f.demand, f"{f.gpu_hours:,.0f}", _usd(f.usd)) for f in found.flows]
    return table(columns, rows, screen) if rows else "Nothing is left to on-demand and spot."


def _costs(found: Portfolio, screen: Screen) -> str:
    columns = [
        Column(f"COST OVER {found.horizon_h / 24:.0f} DAYS"),
        Column("", is_right=True),
        Column("", is_right=True),
    ]
    expected = found.expected_usd

    def against(other: float) -> str:
        return f"{expected / other - 1:+.1%}" if other else ""

    rows: list[Row] = [
        ("this plan, expected", _usd(expected), ""),
        ("this plan, one future in ten is dearer", _usd(found.p90_usd), ""),
        ("everything on demand", _usd(found.all_on_demand_usd), f"{against(found.all_on_demand_usd)} with this plan"),
        ("as committed today", _usd(found.today_usd), f"{against(found.today_usd)} with this plan"),
    ]
    return table(columns, rows, screen)


def _others(found: Portfolio, screen: Screen) -> str:
    columns = [
        Column("IF"),
        Column("THIS PLAN", is_right=True),
        Column("THE BEST THEN", is_right=True),
        Column("REGRET", is_right=True),
    ]
    rows: list[Row] = [(s.case, _usd(s.usd), _usd(s.best_usd), f"{s.regret - 1:+.1%}") for s in found.sensitivities]
    back = found.backtest
    if back is not None:
        rows.append(
            (
                "you had planned halfway through the past",
                _usd(back.usd),
                _usd(back.clairvoyant_usd),
                f"{back.regret - 1:+.1%}",
            )
        )
    return table(columns, rows, screen)


def _idle(found: Portfolio) -> str:
    unsure = ", ".join(f"{name} {percent(share)}" for name, share in found.growth.items())
    return (
        f"Of what is committed to, {percent(found.unused_share)} is expected to stand idle. The level of demand is taken "
        f"to be uncertain by (standard deviation): {unsure}."
    )


def _notes(found: Portfolio, screen: Screen) -> list[str]:
    notes = [_idle(found)]
    back = found.backtest
    if back is not None and back.all_on_demand_usd:
        notes.append(
            f"On your own past, planned from the first half and paid in the second ({back.hours:,} hours): "
            f"{_usd(back.usd)}, against {_usd(back.all_on_demand_usd)} on demand."
        )
    if found.optimum_gap > 0.01:
        notes.append(f"The solver stopped within {found.optimum_gap:.1%} of the optimum.")
    return [wrapped(note, screen) for note in notes]
