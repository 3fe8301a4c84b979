"""A picture that is drawn again in its place on the terminal; rich knows how to do that on each of them."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tauon.cli.demo.picture import frame
from tauon.cli.demo.scene import Scene
from tauon.cli.screen import screen_of


class Picture:
    """Draws a scene whenever it is told to, as wide as the terminal is at that moment."""

    def __init__(self, scene: Scene, console: Console) -> None:
        self._scene = scene
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def begin(self) -> None:
        self._live.start()

    def show(self) -> None:
        self._live.update(self._drawn(), refresh=True)

    def end(self) -> None:
        self._live.stop()

    def _drawn(self) -> Text:
        screen = screen_of(sys.stdout, plain=self._console.no_color)
        return Text.from_ansi(frame(self._scene, screen), no_wrap=True)
