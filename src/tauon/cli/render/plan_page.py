"""A supply plan as one HTML file: each demand's duration curve with what is committed to, and the figures as text."""

from __future__ import annotations

from html import escape

from tauon.cli.render.charts import Axis, Series, lines
from tauon.cli.render.plan import portfolio
from tauon.cli.render.simulation_page import STYLE
from tauon.cli.screen import Screen
from tauon.economics.supply.market import Curve, Portfolio

_COLOURS = ("demand", "held today", "with this plan")


def page(found: Portfolio, screen: Screen | None = None) -> str:
    """The whole file; it needs nothing from anywhere."""
    colours = "".join(f".line.c{i}{{stroke:var(--c{i})}}.legend .c{i}{{--mark:var(--c{i})}}" for i in range(3))
    legend = "".join(f'<li class="c{i}">{name}</li>' for i, name in enumerate(_COLOURS))
    cards = "".join(f'<div class="card"><h2>{escape(c.demand)}</h2>{_curve(c)}</div>' for c in found.curves)
    text = escape(portfolio(found, screen or Screen(width=110)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>What to reserve</title><style>{STYLE}{colours}</style></head><body><main><h1>What to reserve</h1>"
        "<p>GPUs wanted, by the share of hours in which more are; what lies under a line of commitments is paid for anyhow.</p>"
        f'<ul class="legend">{legend}</ul><div class="cards">{cards}</div>'
        f'<div class="card wide"><pre>{text}</pre></div></main></body></html>\n'
    )


def _curve(curve: Curve) -> str:
    most = max(max(curve.gpus, default=1.0), curve.held + curve.reserved) or 1.0
    x = Axis(low=0.0, high=1.0, text=lambda share: f"{share:.0%}")
    y = Axis(low=0.0, high=most * 1.05, text=lambda gpus: f"{gpus:g}")
    series = [
        Series(name="demand", colour=0, x=(0.0, *curve.share), y=(curve.gpus[0], *curve.gpus)),
        Series(name="held today", colour=1, x=(0.0, 1.0), y=(curve.held, curve.held)),
        Series(name="with this plan", colour=2, x=(0.0, 1.0), y=(curve.held + curve.reserved,) * 2),
    ]
    return lines(series, x, y, f"Duration curve of {curve.demand}")
