"""What stands at the end: what came true, the bill, what was idle, why each job waited, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence

from tauon.cli.demo.scene import Scene
from tauon.cli.demo.verdict import Finding
from tauon.cli.render.table import GAP, Cell, Styled, text_of, width_of, wrapped
from tauon.cli.render.usage import usage_report
from tauon.cli.render.words import count, duration, sentence
from tauon.cli.screen import Screen
from tauon.service.views import UsageReport

NEXT = (
    ("tauon up --virtual-gpus H100:8", "a server of your own, with accelerators that are only counted"),
    ("tauon run -- echo hello", "a first job, from a second terminal"),
    ("docs/tutorials/demo.md", "what you have just seen, step by step"),
    ("docs/tutorials/first-job.md", "how to write a job of your own"),
)


def report(
    scene: Scene, findings: Sequence[Finding], by_queue: UsageReport, by_job: UsageReport, screen: Screen
) -> str:
    """The whole closing text."""
    parts = [
        ("What happened", _findings(findings, screen)),
        ("Who pays", usage_report(by_queue, screen)),
        ("What each job cost", usage_report(by_job, screen)),
        ("Why they waited", _waits(scene, screen)),
        ("Where to go on", _next(screen)),
    ]
    texts = [f"{screen.style(title, 'bold')}\n\n{text}" for title, text in parts]
    return "\n" + "\n\n\n".join([*texts, _close(scene, findings, screen)]) + "\n"


def _findings(findings: Sequence[Finding], screen: Screen) -> str:
    marks = {True: Styled("ok", "green"), False: Styled("WRONG", "bold red")}
    rows: list[list[Cell]] = [[marks[one.is_right], one.about, one.text] for one in findings]
    return _listed(rows, screen)


def _waits(scene: Scene, screen: Screen) -> str:
    rows: list[list[Cell]] = []
    for name, waits in scene.waits.items():
        for wait in waits:
            if wait.reasons and wait.to_s is not None:
                shown = name if not rows or name not in [row[0] for row in rows] else ""
                rows.append([shown, Styled(duration(wait.to_s - wait.from_s), "yellow"), sentence(wait.reasons[0])])
                rows.extend(["", "", sentence(reason)] for reason in wait.reasons[1:])
    return _listed(rows, screen) if rows else "None of them had to."


def _next(screen: Screen) -> str:
    return _listed([[Styled(what, "cyan"), why] for what, why in NEXT], screen)


def _listed(rows: Sequence[Sequence[Cell]], screen: Screen) -> str:
    """Short cells in columns, then a text that goes on below itself where it is too long for a line."""
    widths = [max(width_of(text_of(cell)) for cell in column) for column in list(zip(*rows, strict=True))[:-1]]
    indent = " " * (sum(widths) + GAP * len(widths))
    lines = []
    for *cells, text in rows:
        parts = [_padded(cell, width, screen) for cell, width in zip(cells, widths, strict=True)]
        lines.append("".join(parts) + wrapped(text_of(text), screen, indent=indent).removeprefix(indent))
    return "\n".join(lines)


def _padded(cell: Cell, width: int, screen: Screen) -> str:
    text = text_of(cell)
    shown = screen.style(text, cell.style) if isinstance(cell, Styled) else text
    return shown + " " * (width - width_of(text) + GAP)


def _close(scene: Scene, findings: Sequence[Finding], screen: Screen) -> str:
    wrong = [one.about for one in findings if not one.is_right]
    if wrong:
        return screen.style(f"The demo went wrong: {', '.join(wrong)}. See above what was seen.", "bold red")
    jobs, attempts = len(scene.jobs), sum(job.attempts for job in scene.jobs.values())
    done = f"{count(jobs, 'job')} in {count(attempts, 'attempt')} and {duration(scene.at_s)}; all of it came true."
    return screen.style(done, "bold green")
