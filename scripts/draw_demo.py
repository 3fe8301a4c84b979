"""Draws the picture in the README from a real run: runs the demo and keeps the moment that shows the most.

Run it from the repository's root after the look of the demo has changed: `.venv/bin/python scripts/draw_demo.py`.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tauon.cli.demo.mix import SERVER_CONFIG
from tauon.cli.demo.picture import frame
from tauon.cli.demo.run import run_demo
from tauon.cli.demo.scene import Scene
from tauon.cli.screen import Screen
from tauon.main.embedded import control_plane
from tauon.model.job import JobState
from tauon.service.config_file import read_config

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "demo.svg"
WIDTH = 108
# Colours for a picture that is read on white and on dark pages: background, text, the eight dark ones, the eight bright.
THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (22, 27, 34),
        (248, 81, 73),
        (86, 211, 100),
        (227, 179, 65),
        (88, 166, 255),
        (210, 168, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
    [
        (110, 118, 129),
        (255, 151, 143),
        (126, 231, 135),
        (242, 204, 96),
        (121, 192, 255),
        (255, 166, 246),
        (118, 227, 234),
        (240, 246, 252),
    ],
)


class Camera:
    """Keeps, of the frames in which the urgent job runs and the one that gave way waits, the last with the most going on."""

    def __init__(self, scene: Scene, screen: Screen) -> None:
        self._scene = scene
        self._screen = screen
        self.kept = ""
        self._running = 0

    def begin(self) -> None: ...

    def show(self) -> None:
        states = {name: job.state for name, job in self._scene.jobs.items()}
        if states.get("incident") is JobState.RUNNING and states["search"] is JobState.QUEUED:
            running = sum(state is JobState.RUNNING for state in states.values())
            if running >= self._running:
                self.kept, self._running = frame(self._scene, self._screen), running

    def end(self) -> None:
        console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        console.print(Text.from_ansi(self.kept.rstrip("\n")))
        svg = console.export_svg(title="make demo", theme=THEME)
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a picture must fetch nothing from elsewhere
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(svg.replace("Fira Code", "Menlo, Consolas, DejaVu Sans Mono"), encoding="utf-8")


async def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        async with control_plane(Path(home), str(Path(home) / "tauon.db"), read_config(SERVER_CONFIG)) as running:
            screen = Screen(width=WIDTH, has_colour=True)
            return await run_demo(running.control_plane_for("you"), screen=screen, shown_by=Camera)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
