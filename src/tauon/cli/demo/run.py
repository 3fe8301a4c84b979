"""`tauon demo` from its first submit to its last line, over any control plane that has the demo's queues."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from tauon.cli.demo.lines import Lines
from tauon.cli.demo.mix import Mix
from tauon.cli.demo.observer import Observer
from tauon.cli.demo.report import report
from tauon.cli.demo.scene import Scene
from tauon.cli.demo.story import Story
from tauon.cli.demo.verdict import Finding, verdict
from tauon.cli.render.words import count
from tauon.cli.screen import Screen, standard_screen
from tauon.service.control_plane import ControlPlane, UsageQuery
from tauon.service.views import UsageReport

LIMIT_S = 240.0


class Show(Protocol):
    """How a scene is shown while it changes."""

    def begin(self) -> None: ...
    def show(self) -> None: ...
    def end(self) -> None: ...


def show_for(scene: Scene, screen: Screen) -> Show:
    """A picture that changes in its place on a terminal, and lines of text elsewhere."""
    if not screen.is_terminal:
        return Lines(scene)
    from rich.console import Console

    from tauon.cli.demo.live import Picture

    return Picture(scene, screen, Console(no_color=not screen.has_colour, highlight=False))


async def run_demo(
    control_plane: ControlPlane,
    *,
    screen: Screen | None = None,
    scale: float = 1.0,
    shown_by: Callable[[Scene, Screen], Show] = show_for,
) -> int:
    """Run the demo's jobs, show them, and say how it went; 0 if everything that was to come true did.

    `scale` multiplies how much the jobs do. When it is cancelled (Ctrl-C), so are its jobs, before this is raised on.
    """
    screen = screen or standard_screen()
    began = (await control_plane.top()).at
    scene = Scene(began, token=secrets.token_hex(4))
    show = shown_by(scene, screen)
    observer = Observer(control_plane, scene, show.show)
    with tempfile.TemporaryDirectory(prefix="tauon-demo-", ignore_cleanup_errors=True) as results:
        story = Story(control_plane, Mix(Path(results), token=scene.token, scale=scale), scene, observer)
        with _ended_like_by_ctrl_c():
            in_time = await _played(control_plane, story, observer, show)
    by_queue, by_job = await _bill(control_plane, scene)
    findings = verdict(scene, by_queue, by_job)
    if not in_time:
        findings.append(Finding("time", is_right=False, text=f"it was not over after {LIMIT_S:.0f} s"))
    sys.stdout.write(report(scene, findings, by_queue, by_job, screen))
    return 0 if all(finding.is_right for finding in findings) else 1


@contextlib.contextmanager
def _ended_like_by_ctrl_c() -> Iterator[None]:
    """A closed terminal and a polite kill end the demo as Ctrl-C does, so that they leave nothing running either."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, signal.raise_signal, signal.SIGINT)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _played(control_plane: ControlPlane, story: Story, observer: Observer, show: Show) -> bool:
    """Play the story and look on until it is over; False if it was not in time. Leaves nothing running."""
    after = (await control_plane.info()).seq
    show.begin()
    tasks = [asyncio.create_task(work) for work in (story.play(), observer.hear(after), observer.keep_looking())]
    try:
        done, _ = await asyncio.wait(tasks, timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # raises what went wrong, for neither of the others ends by itself
        if done:
            await observer.read_to_the_end()
    except asyncio.CancelledError:
        show.end()
        sys.stdout.write("\nInterrupted: its jobs are being cancelled.\n")
        raise
    finally:
        left = await story.clear_away()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await observer.close()
        show.end()
        if left:
            sys.stdout.write(f"{count(left, 'job')} of the demo cancelled; nothing of it is left running.\n")
    return bool(done)


async def _bill(control_plane: ControlPlane, scene: Scene) -> tuple[UsageReport, UsageReport]:
    """What the demo cost, by queue and by job, over the same window."""
    ends = [job.ended_at for job in scene.jobs.values() if job.ended_at]
    from_us, to_us = (round(at.timestamp() * 1e6) for at in (scene.began, max(ends, default=scene.began)))
    by_queue = await control_plane.usage(UsageQuery(by="queue", from_us=from_us, to_us=to_us))
    by_job = await control_plane.usage(UsageQuery(by="job", from_us=from_us, to_us=to_us))
    return by_queue, by_job
