"""The report of a simulation: one HTML file with its figures and charts, light or dark as the reader has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from tauon.cli.render.charts import Axis, Series, bars, lines, time_axis, time_unit_s
from tauon.cli.render.simulation import LINES
from tauon.cli.render.words import count, duration, number, usd
from tauon.ports.what_if import Comparison, Outcome

STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#5b6470;--line:#e3e6ea;--card:#f7f8fa;--best:#0b7a3b;
--c0:#0068b5;--c1:#d1601f;--c2:#00856a;--c3:#a8447f;--c4:#7a5d00;--c5:#4a55b5;--c6:#b3202c;--c7:#50606e}
@media (prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--dim:#98a2ae;--line:#2c323a;--card:#1b1f25;
--best:#5fd38d;--c0:#5ab0f2;--c1:#f2955c;--c2:#4fd0b0;--c3:#e58ac2;--c4:#d9bb4a;--c5:#9aa4f5;--c6:#f27d86;--c7:#a8b5c2}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1400px;margin:0 auto;padding:28px 20px 60px}h1{font-size:24px;margin:0 0 4px}
h2{font-size:15px;margin:0 0 8px}p{margin:4px 0;color:var(--dim)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px;margin:20px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;min-width:0}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:16px 0 0;padding:0;list-style:none}
.legend li::before{content:"";display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:7px;
background:var(--mark)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:4px 14px 4px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}thead th{color:var(--dim);font-weight:600}
.best{color:var(--best);font-weight:600}svg{display:block;width:100%;height:auto}
.grid{stroke:var(--line)}.label{fill:var(--dim);font-size:12px}.value{fill:var(--fg);font-size:12px}
.end{text-anchor:end}.mid{text-anchor:middle}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
pre{margin:0;white-space:pre-wrap;font:13px/1.5 ui-monospace,monospace}
"""
_COLOURS = 8


def page(found: Comparison) -> str:
    """The whole file."""
    colours = "".join(
        f".line.c{i}{{stroke:var(--c{i})}}.bar.c{i}{{fill:var(--c{i})}}.legend .c{i}{{--mark:var(--c{i})}}"
        for i in range(_COLOURS)
    )
    title = f"{found.name}: simulated"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{colours}</style></head><body><main>"
        f"<h1>{escape(found.name)}</h1>{_what(found)}{_legend(found.outcomes)}"
        f'<div class="card wide" style="margin-top:20px">{_table(found.outcomes)}</div>'
        f'<div class="cards">{"".join(_cards(found.outcomes))}</div>{_stories(found.outcomes)}</main></body></html>\n'
    )


def _what(found: Comparison) -> str:
    parts = [count(found.jobs, "job"), count(found.nodes, "node")]
    parts += [count(found.accelerators, "accelerator")] * bool(found.accelerators)
    text = (
        f"{', '.join(parts)}; {found.format}, seed {found.seed}. The same decisions as in production, in virtual time."
    )
    left = [f"Left out, {line}" for line in found.skipped]
    refused = dict.fromkeys(f"Refused, {line}" for outcome in found.outcomes for line in outcome.refused)
    return "".join(f"<p>{escape(line)}</p>" for line in (text, *left, *refused))


def _legend(outcomes: Sequence[Outcome]) -> str:
    items = "".join(f'<li class="c{i % _COLOURS}">{escape(o.policy)}</li>' for i, o in enumerate(outcomes))
    return f'<ul class="legend">{items}</ul>'


def _table(outcomes: Sequence[Outcome]) -> str:
    head = "".join(f"<th>{escape(outcome.policy)}</th>" for outcome in outcomes)
    rows = []
    for line in LINES:
        values = [line.value(outcome.score) for outcome in outcomes]
        if not (line.always or any(values)):
            continue
        texts = [line.text(value) for value in values]
        best = ""
        if line.better and len(set(texts)) > 1:
            best = texts[values.index(max(values) if line.better > 0 else min(values))]
        cells = "".join(f"<td{' class=best' if text == best else ''}>{escape(text)}</td>" for text in texts)
        rows.append(f"<tr><td>{escape(line.name)}</td>{cells}</tr>")
    if any(outcome.score.capacity_usd for outcome in outcomes):
        for name, amounts in (
            ("cost of capacity", [outcome.score.capacity_usd for outcome in outcomes]),
            ("cost of work", [outcome.score.work_usd for outcome in outcomes]),
        ):
            rows.append(f"<tr><td>{name}</td>{''.join(f'<td>{usd(amount)}</td>' for amount in amounts)}</tr>")
    return f"<table><thead><tr><th>figure</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cards(outcomes: Sequence[Outcome]) -> list[str]:
    charts = [
        ("Accelerators held, share of all", _over_time(outcomes, _share_held, lambda v: f"{v * 100:g} %", least=1.0)),
        ("Jobs waiting", _over_time(outcomes, lambda o: o.curve.waiting, _counted, least=1.0)),
        ("Share of jobs done within a completion time", _distribution(outcomes)),
        ("Jobs running", _over_time(outcomes, lambda o: o.curve.running, _counted, least=1.0)),
    ]
    figures: list[tuple[str, Callable[[Outcome], float], Callable[[float], str]]] = [
        ("Average completion time", lambda o: o.score.completion_s.average, duration),
        ("Completion time, p99", lambda o: o.score.completion_s.p99, duration),
        ("Average queueing time", lambda o: o.score.queueing_s.average, duration),
        ("Preemptions", lambda o: o.score.preemptions, _counted),
    ]
    for name, value, text in figures:
        series = [(o.policy, i % _COLOURS, value(o)) for i, o in enumerate(outcomes)]
        charts.append((name, bars(series, text, name)))
    return [f'<section class="card"><h2>{escape(name)}</h2>{chart}</section>' for name, chart in charts]


def _counted(value: float) -> str:
    return number(value)


def _share_held(outcome: Outcome) -> list[float]:
    curve = outcome.curve
    return [held / there if there else 0.0 for held, there in zip(curve.held, curve.capacity, strict=True)]


def _over_time(
    outcomes: Sequence[Outcome],
    values: Callable[[Outcome], Sequence[float]],
    text: Callable[[float], str],
    *,
    least: float,
) -> str:
    longest_s = max((o.curve.at_s[-1] for o in outcomes if o.curve.at_s), default=1.0)
    unit_s = time_unit_s(longest_s)
    series = [
        Series(name=o.policy, colour=i % _COLOURS, x=[at_s / unit_s for at_s in o.curve.at_s], y=values(o))
        for i, o in enumerate(outcomes)
    ]
    most = max((y for one in series for y in one.y), default=0.0)
    return lines(series, time_axis(longest_s), Axis(low=0.0, high=max(least, most), text=text), "values over time")


def _distribution(outcomes: Sequence[Outcome]) -> str:
    shares = [i / 100 for i in range(101)]
    series = [
        Series(name=o.policy, colour=i % _COLOURS, x=[max(1.0, s) for s in o.completion_s], y=shares)
        for i, o in enumerate(outcomes)
        if o.completion_s
    ]
    longest = max((one.x[-1] for one in series), default=10.0)
    x = Axis(low=1.0, high=max(10.0, longest), text=duration, is_log=True)
    return lines(
        series, x, Axis(low=0.0, high=1.0, text=lambda v: f"{v * 100:g} %"), "distribution of completion times"
    )


def _stories(outcomes: Sequence[Outcome]) -> str:
    told = [o for o in outcomes if o.story]
    return "".join(
        f'<section class="card"><h2>{escape(o.policy)}, step by step</h2><pre>{escape(chr(10).join(o.story))}</pre></section>'
        for o in told
    )
