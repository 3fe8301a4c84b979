"""What is going on at this moment: money, accelerators, and what runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tauon.cli.render.table import Cell, Column, Styled, table
from tauon.cli.render.words import bar, count, duration, number, percent, usd
from tauon.cli.screen import Screen
from tauon.service.views import AcceleratorView, RunningView, Top

_BAR = 10
_MOST_LINES = 64


def overview(top: Top, screen: Screen) -> str:
    """One line of sums, then the accelerators, then the running attempts."""
    running = screen.style(f"{top.running:,} running", "green")
    waiting = screen.style(f"{top.waiting:,} waiting", "yellow" if top.waiting else "")
    whole = usd(top.cost_usd_per_h + top.idle_usd_per_h)
    money = f"{whole} an hour: {usd(top.cost_usd_per_h)} at work, {usd(top.idle_usd_per_h)} idle"
    lines = [f" {screen.dot} ".join([f"{screen.local(top.at):%H:%M:%S}", running, waiting, money])]
    if top.accelerators:
        lines += ["", _accelerators(top.accelerators, screen)]
    if top.attempts:
        lines += ["", _attempts(top.attempts, screen)]
    return "\n".join(lines)


def _accelerators(all_: Sequence[AcceleratorView], screen: Screen) -> str:
    columns = (
        Column("NODE", least=10),
        Column("#", is_right=True),
        Column("TYPE"),
        Column("JOB"),
        Column("USED", is_right=True, is_optional=True),
        Column("", drop=2, is_optional=True),
        Column("MEMORY", is_right=True, drop=1, is_optional=True),
        Column("POWER", is_right=True, drop=3, is_optional=True),
        Column("TEMP", is_right=True, drop=4, is_optional=True),
    )
    groups = [list(group) for _, group in itertools.groupby(all_, key=_kind)]
    shown = groups if not screen.is_terminal else groups[:_MOST_LINES]
    text = table(columns, [_accelerator(group[0], _indices(group), screen) for group in shown], screen)
    left = sum(len(group) for group in groups[len(shown) :])
    busy = sum(bool(one.job) for one in all_)
    return text + (f"\nand {count(left, 'more accelerator')}; {busy:,} of {len(all_):,} are held" if left else "")


def _kind(one: AcceleratorView) -> tuple[object, ...]:
    """What accelerators share that go into one line: those that are measured each have their own."""
    measured = None if one.utilisation_pct is None and one.memory_used_mib is None else one.index
    return one.node, one.type, one.job, measured


def _indices(group: Sequence[AcceleratorView]) -> str:
    return str(group[0].index) if len(group) == 1 else f"{group[0].index}-{group[-1].index}"


def _accelerator(one: AcceleratorView, indices: str, screen: Screen) -> list[Cell]:
    used = one.utilisation_pct
    memory = ""
    if one.memory_used_mib is not None and one.memory_total_mib:
        memory = f"{one.memory_used_mib / 1024:,.1f}/{one.memory_total_mib / 1024:,.0f} GiB"
    return [
        one.node,
        indices,
        one.type,
        one.job or Styled("idle", "dim"),
        "" if used is None else percent(used / 100),
        "" if used is None or not screen.is_terminal else Styled(bar(used / 100, _BAR, screen), _load(used)),
        memory,
        "" if one.power_w is None else f"{one.power_w:,.0f} W",
        "" if one.temperature_c is None else f"{one.temperature_c:.0f} C",
    ]


def _load(used: float) -> str:
    return "green" if used >= 50 else "yellow"


def _attempts(attempts: Sequence[RunningView], screen: Screen) -> str:
    columns = (
        Column("JOB"),
        Column("NAME", least=12),
        Column("QUEUE", drop=2, least=10),
        Column("ACCELERATORS", is_right=True),
        Column("CORES USED", is_right=True),
        Column("MEMORY USED", is_right=True, drop=1),
        Column("RUNNING FOR", is_right=True),
    )
    rows: list[list[Cell]] = [
        [
            one.job,
            one.name,
            one.queue,
            number(one.accelerators),
            f"{one.cpu_cores:.1f}",
            f"{one.memory_mib / 1024:,.1f} GiB" if one.memory_mib >= 1024 else f"{one.memory_mib} MiB",
            duration(one.running_s),
        ]
        for one in attempts
    ]
    return table(columns, rows, screen)
