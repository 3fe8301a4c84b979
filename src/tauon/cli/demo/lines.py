"""The demo as lines of text, for whatever is no terminal: each sentence as it comes true."""

from __future__ import annotations

import sys

from tauon.cli.demo.scene import Scene


class Lines:
    """Prints what was told since it last did."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._printed = 0

    def begin(self) -> None: ...

    def show(self) -> None:
        for told in self._scene.told[self._printed :]:
            sys.stdout.write(f"{told.at_s:6.1f} s  {told.text}\n")
        self._printed = len(self._scene.told)
        sys.stdout.flush()

    def end(self) -> None:
        self.show()
