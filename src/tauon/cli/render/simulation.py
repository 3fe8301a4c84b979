"""How each policy did: a column for each, a line for each figure, the best of each line marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tauon.cli.render.table import Cell, Column, Styled, table
from tauon.cli.render.words import count, decimals_for, duration, usd
from tauon.cli.screen import Screen
from tauon.ports.what_if import Comparison, Outcome, Score

Value = Callable[[Score], float]


class Line(NamedTuple):
    """A figure: its name, its value, how it is written, and whether more or less of it is better (0: neither)."""

    name: str
    value: Value
    text: Callable[[float], str]
    better: int = 0
    always: bool = True


def _jobs(value: float) -> str:
    return f"{value:,.0f}"


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _times(value: float) -> str:
    return f"{value:,.2f}"


def _hours(value: float) -> str:
    return f"{value:,.1f} h"


LINES = (
    Line("jobs done", lambda s: s.succeeded, _jobs, +1),
    Line("jobs failed", lambda s: s.failed, _jobs, -1, always=False),
    Line("jobs cancelled", lambda s: s.cancelled, _jobs, 0, always=False),
    Line("jobs not done", lambda s: s.unfinished, _jobs, -1, always=False),
    Line("jobs refused", lambda s: s.refused, _jobs, 0, always=False),
    Line("completion, average", lambda s: s.completion_s.average, duration, -1),
    Line("completion, median", lambda s: s.completion_s.p50, duration, -1),
    Line("completion, p99", lambda s: s.completion_s.p99, duration, -1),
    Line("queueing, average", lambda s: s.queueing_s.average, duration, -1),
    Line("queueing, median", lambda s: s.queueing_s.p50, duration, -1),
    Line("queueing, p99", lambda s: s.queueing_s.p99, duration, -1),
    Line("makespan", lambda s: s.makespan_s, duration, -1),
    Line("utilisation", lambda s: s.utilisation, _share, +1),
    Line("fragmentation", lambda s: s.fragmentation, _share, -1),
    Line("unfairness, p50", lambda s: s.unfairness.p50, _times, -1),
    Line("unfairness, p99", lambda s: s.unfairness.p99, _times, -1),
    Line("unfairness, worst", lambda s: s.unfairness.most, _times, -1),
    Line("preemptions", lambda s: s.preemptions, _jobs, -1),
    Line("restarts", lambda s: s.restarts, _jobs, -1, always=False),
    Line("GPU-hours held", lambda s: s.gpu_h, _hours),
    Line("GPU-hours lost", lambda s: s.lost_gpu_h, _hours, -1),
)


def comparison(found: Comparison, screen: Screen) -> str:
    """What was played, the story of small worlds, the table, and what was left out."""
    head = f"{found.name} ({found.format}): {count(found.jobs, 'job')} on {count(found.nodes, 'node')}"
    if found.accelerators:
        head += f" with {count(found.accelerators, 'accelerator')}"
    parts = [screen.style(head, "bold")]
    for outcome in found.outcomes:
        if outcome.story:
            title = [f"{outcome.policy}:"] if len(found.outcomes) > 1 else []
            parts.append("\n".join([*title, *(f"  {line}" for line in outcome.story)]))
    parts.append(_figures(found.outcomes, screen))
    parts += [screen.style(f"Left out, {line}", "yellow") for line in found.skipped]
    refused = dict.fromkeys(line for outcome in found.outcomes for line in outcome.refused)
    parts += [screen.style(f"Refused, {line}", "yellow") for line in refused]
    return "\n\n".join(parts[: len(parts) - len(found.skipped) - len(refused)]) + "".join(
        f"\n{line}" for line in parts[len(parts) - len(found.skipped) - len(refused) :]
    )


def _figures(outcomes: Sequence[Outcome], screen: Screen) -> str:
    columns = [Column("FIGURE"), *(Column(outcome.policy, is_right=True) for outcome in outcomes)]
    scores = [outcome.score for outcome in outcomes]
    rows: list[list[Cell]] = []
    for line in LINES:
        values = [line.value(score) for score in scores]
        if line.always or any(values):
            rows.append([line.name, *_marked(values, [line.text(v) for v in values], line.better)])
    money = [score.capacity_usd for score in scores]
    if any(money):
        decimals = decimals_for(money)
        rows.append(["cost of capacity", *(usd(amount, decimals) for amount in money)])
        rows.append(["cost of work", *(usd(score.work_usd, decimals) for score in scores)])
    return table(columns, rows, screen)


def _marked(values: Sequence[float], texts: Sequence[str], better: int) -> list[Cell]:
    """The best of several in green, unless all are alike."""
    if len(set(texts)) < 2 or not better:
        return list(texts)
    best = texts[values.index(max(values) if better > 0 else min(values))]
    return [Styled(text, "green") if text == best else text for text in texts]
