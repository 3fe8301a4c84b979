"""One machine's part of a gang: does as the head says, tells how its processes end, and ends them all with the head."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from tauon.supervision.node.crew import Crew
from tauon.supervision.node.folders import Folders
from tauon.supervision.node.gang import free_port
from tauon.supervision.node.order import SupervisionOrder, WorkerOrder
from tauon.supervision.node.output import Outputs, RotatedLog
from tauon.supervision.node.preparation import PreparationFailed, prepare
from tauon.supervision.node.spawn import Launch, SpawnFailed, shell_command, spawn
from tauon.supervision.node.wire import Command, Lines, News, encode

_LOOK_S = 30.0
_KILL_AGAIN_S = 0.05
_DRAIN_S = 2.0


class Hand:
    """The workers of an order that are on this machine, in the order of their ranks."""

    def __init__(self, order: SupervisionOrder, host: str) -> None:
        self._order = order
        self._host = host
        self._workers: Mapping[int, WorkerOrder] = {
            rank: worker for rank, worker in enumerate(order["workers"]) if worker["host"] == host
        }
        self._ranks = list(self._workers)
        self._outputs = Outputs()
        self._logs: list[RotatedLog] = []
        self._crew = Crew()
        self._told: set[int] = set()
        self._left: bool | None = None
        self._is_over = False
        self._lines = Lines(self._obey, lambda _: None)

    def run(self) -> None:
        """Serve the head until it says `end` or is gone; returns when no process is left."""
        folder = Folders(Path(self._order["root"])).logs / self._order["attempt"]
        for rank in self._ranks:
            size, keep = self._order["log_segment_bytes"], self._order["log_segments"]
            self._logs.append(RotatedLog(folder, rank, segment_bytes=size, keep=keep))
        self._outputs.watch(0, self._hear)
        self._say(News(step="hello", port=str(free_port()) if 0 in self._workers else ""))
        while not self._is_over:
            self._outputs.pump(_LOOK_S)
            self._tell()
        self._leave_nothing()

    def _hear(self, data: bytes) -> None:
        if data:
            self._lines.feed(data)
        else:
            self._is_over = True

    def _say(self, news: News) -> None:
        news["host"] = self._host
        view = memoryview(encode(news))
        try:
            while view:
                view = view[os.write(1, view) :]
        except OSError:  # the head is gone, or the way to it
            self._is_over = True

    def _obey(self, command: Command) -> None:
        match command["do"]:
            case "prepare":
                self._say(News(step="prepare", error=self._prepare()))
            case "start":
                self._start(command)
            case "groups":
                self._crew.signal_groups(command["signal"])
            case "all":
                self._crew.signal_all(command["signal"])
            case _:
                self._is_over = True

    def _prepare(self) -> str:
        try:
            prepare({**self._order, "workers": list(self._workers.values())})
        except (PreparationFailed, OSError) as error:
            return str(error) or type(error).__name__
        return ""

    def _start(self, command: Command) -> None:
        self._crew = Crew()
        self._told = set()
        self._left = None
        error = ""
        try:
            for worker, log in zip(self._workers.values(), self._logs, strict=True):
                env = {"MASTER_PORT": command["port"], **worker["env"]} if command["port"] else worker["env"]
                output = self._outputs.pipe_into(log)
                try:
                    self._crew.add(spawn(Launch(shell_command(command["script"]), env, Path(worker["folder"]), output)))
                finally:
                    os.close(output)
        except (SpawnFailed, OSError) as failure:
            error = str(failure)
        self._say(News(step="start", error=error))

    def _tell(self) -> None:
        """Say what is new: who ended, and whether anything of this step is left."""
        left = self._crew.reap()
        ended = {i: code for i, code in enumerate(self._crew.exits) if code is not None and i not in self._told}
        is_other = self._crew.is_done and left != self._left
        if not ended and not is_other:
            return
        self._told |= set(ended)
        news = News(exits=[(self._ranks[i], code) for i, code in ended.items()])
        if is_other:
            self._left = news["left"] = left
        self._say(news)

    def _leave_nothing(self) -> None:
        while self._crew.reap():
            self._crew.signal_all(signal.SIGKILL)
            self._outputs.pump(_KILL_AGAIN_S)
        give_up_at = time.monotonic() + _DRAIN_S
        while self._outputs.are_open and time.monotonic() < give_up_at:
            self._outputs.pump(give_up_at - time.monotonic())
        for log in self._logs:
            log.close()
