"""A picture that is drawn again in its place on the terminal; rich knows how to do that on each of them."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tauon.cli.demo.picture import frame
from tauon.cli.demo.scene import Scene
from tauon.cli.screen import Screen

_LEAST_WIDTH = 40


class Picture:
    """Draws a scene whenever it is told to, as wide as the terminal is at that moment."""

    def __init__(self, scene: Scene, screen: Screen, console: Console) -> None:
        self._scene = scene
        self._screen = screen
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def begin(self) -> None:
        self._live.start()

    def show(self) -> None:
        screen = replace(self._screen, width=max(_LEAST_WIDTH, self._console.width))
        self._live.update(Text.from_ansi(frame(self._scene, screen), no_wrap=True), refresh=True)

    def end(self) -> None:
        self._live.stop()
