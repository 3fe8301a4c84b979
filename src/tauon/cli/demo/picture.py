"""The demo on a terminal: the accelerators as cells in the colours of their jobs, the jobs, and what happened last."""

from __future__ import annotations

from collections.abc import Sequence

import click

from tauon.cli.demo.scene import Scene
from tauon.cli.render.jobs import STATE_STYLES
from tauon.cli.render.table import Cell, Column, Styled, cut, table, width_of
from tauon.cli.render.words import duration, usd
from tauon.cli.screen import Screen
from tauon.model.ids import JobId
from tauon.model.job import JobState
from tauon.service.views import AcceleratorView, JobView

COLOURS = ("bright_cyan", "bright_magenta", "bright_yellow", "bright_green", "bright_blue", "bright_red")
STORY_LINES = 8
_CELL = 12


def frame(scene: Scene, screen: Screen) -> str:
    """Everything as it stands now, as text."""
    parts = [_head(scene, screen), _accelerators(scene, screen), _jobs(scene, screen), _story(scene, screen)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(scene: Scene, screen: Screen) -> str:
    parts = [screen.style("Tauon", "bold"), duration(scene.at_s) or "0s"]
    if scene.top:
        kinds = sorted({one.type for one in scene.top.accelerators})
        per_hour = usd(scene.top.cost_usd_per_h + scene.top.idle_usd_per_h)
        parts.append(f"{len(scene.top.accelerators)} x {', '.join(kinds)} (virtual) at {per_hour} an hour")
    if scene.spent:
        parts.append(f"so far {usd(scene.spent.work_usd, 4)} of work, {usd(scene.spent.idle_usd, 4)} idle")
    return f" {screen.dot} ".join(parts)


def colour_of(scene: Scene, name: str) -> str:
    """The colour of a job, by the order of submission."""
    names = list(scene.names.values())
    return COLOURS[names.index(name) % len(COLOURS)] if name in names else ""


def _accelerators(scene: Scene, screen: Screen) -> str:
    cells = [_cell(scene, one, screen) for one in (scene.top.accelerators if scene.top else ())]
    width = _CELL + 1
    per_line = max(1, (screen.width or 80) // width)
    rows = [cells[i : i + per_line] for i in range(0, len(cells), per_line)]
    return "\n".join(" ".join(row) for row in rows)


def _cell(scene: Scene, one: AcceleratorView, screen: Screen) -> str:
    name = scene.names.get(JobId(one.job), one.job)
    text = cut(f"{one.index} {name or 'idle'}", _CELL - 2, screen)
    text = text.ljust(_CELL - 2)
    if not screen.has_colour:
        return f"[{text}]"
    if not name:
        return screen.style(f" {text} ", "dim")
    return click.style(f" {text} ", fg="black", bg=colour_of(scene, name))


def _jobs(scene: Scene, screen: Screen) -> str:
    columns = (
        Column("JOB"),
        Column("QUEUE", drop=2),
        Column("ASKS FOR", drop=3, least=12),
        Column("STATE"),
        Column("TRIES", is_right=True, drop=4),
        Column("WHY IT WAITS, OR WHAT IT LAST WROTE", least=30),
    )
    rows = [_job(scene, job) for job in scene.jobs.values()]
    return table(columns, rows, screen) if rows else ""


def _job(scene: Scene, job: JobView) -> Sequence[Cell]:
    why = scene.why(job.name) if job.state is JobState.QUEUED else ""
    wrote = scene.lines(job.name)[-1:]
    return [
        Styled(job.name, colour_of(scene, job.name)),
        job.queue,
        job.request,
        Styled(job.state.value, STATE_STYLES[job.state]),
        str(job.attempts),
        Styled(why, "yellow") if why else wrote[0] if wrote and job.state is not JobState.QUEUED else "",
    ]


def _story(scene: Scene, screen: Screen) -> str:
    lines = []
    for told in scene.told[-STORY_LINES:]:
        at = f"{told.at_s:5.1f} s"
        text = told.text if screen.width is None else cut(told.text, screen.width - width_of(at) - 2, screen)
        lines.append(f"{screen.style(at, 'dim')}  {screen.style(text, told.style)}")
    return "\n".join(lines)
