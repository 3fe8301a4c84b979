"""A gang on several machines: this process is its head, and has a hand on each machine through the engine's launcher."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from tauon.supervision.node.crew import Crew
from tauon.supervision.node.folders import Folders
from tauon.supervision.node.gang import Gang, NotStarted, OutOfReach
from tauon.supervision.node.order import SupervisionOrder
from tauon.supervision.node.report import Report
from tauon.supervision.node.wire import Command, Lines, News, encode

_END_PATIENCE_S = 10.0
_SAID_BYTES = 2000
BROKEN = "the way to its machines is broken"


class Reach:
    """The launchers' processes, which join the head to its hands: what the head says, all of them hear."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._processes = [
            subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for command in commands
        ]

    @property
    def outputs(self) -> list[int]:
        """Where what the hands say comes out."""
        return [process.stdout.fileno() for process in self._processes if process.stdout is not None]

    def say(self, command: Command) -> None:
        """Say it to every hand. Raises OutOfReach."""
        data = encode(command)
        try:
            for process in self._processes:
                if process.stdin is not None:
                    process.stdin.write(data)
                    process.stdin.flush()
        except OSError:
            raise OutOfReach(BROKEN) from None

    def cut(self) -> None:
        """Break off: the engine ends the hands and all that they started."""
        for process in self._processes:
            process.terminate()

    def close(self) -> None:
        """Let the hands end, and wait for them."""
        for process in self._processes:
            with suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
        for process in self._processes:
            try:
                process.wait(_END_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class FarCrew(Crew):
    """The processes of one step on other machines, as the hands tell of them.

    Before there are any (`hello`, `prepare`) it is the hands themselves: each is one member.
    """

    def __init__(self, reach: Reach, ranks: int, hosts: Sequence[str]) -> None:
        super().__init__()
        self._reach = reach
        self._codes: dict[int, int] = {}
        self._count = ranks
        self._unsettled = set(hosts)
        self._left = set(hosts)
        self.step = ""
        self.errors: list[str] = []

    @property
    def pids(self) -> Sequence[int]:
        return ()

    @property
    def exits(self) -> Sequence[int | None]:
        return [self._codes.get(rank) for rank in range(self._count)]

    @property
    def is_done(self) -> bool:
        if self.step != "start":
            return not self._unsettled
        return len(self._codes) == self._count or (bool(self.errors) and not self._left)

    def begin(self, step: str) -> None:
        self.step = step

    def hear(self, news: News) -> None:
        """Take note of what one hand says."""
        host = news["host"]
        if news.get("step") == self.step:
            self._unsettled.discard(host)
            if news.get("error"):
                self.errors.append(f"{host}: {news['error']}")
                self.first_failed = self.first_failed or 0  # so that the others are told to end
        for rank, code in news.get("exits", []):
            self._codes[rank] = code
            if code and self.first_failed is None:
                self.first_failed = rank
        if news.get("left") is False:
            self._left.discard(host)
        elif news.get("left"):
            self._left.add(host)

    def reap(self) -> bool:
        """Whether processes of this step are left anywhere."""
        return self.step == "start" and bool(self._left)

    def signal_groups(self, number: int) -> None:
        if self.step == "start":
            self._reach.say(Command(do="groups", signal=int(number)))

    def signal_all(self, number: int) -> None:
        if self.step == "start":
            self._reach.say(Command(do="all", signal=int(number)))

    def kill_all(self) -> None:
        if self.step == "start":
            self.signal_all(signal.SIGKILL)
        else:
            self._reach.cut()
            raise NotStarted("stopped before it had started")


class GangAcross(Gang):
    """The life of one attempt on several machines, in the same steps."""

    def __init__(
        self, order: SupervisionOrder, report: Report, commands: Sequence[Sequence[str]], look_s: float
    ) -> None:
        self._hosts = sorted({worker["host"] for worker in order["workers"]})
        self._reach = Reach(commands)
        self._said = ""
        self._port = ""
        super().__init__(order, report, look_s)
        for output in self._reach.outputs:
            self._outputs.watch(output, partial(self._hear, Lines(self._heard, self._overheard)))

    def _new_crew(self) -> FarCrew:
        return FarCrew(self._reach, len(self._order["workers"]), self._hosts)

    @property
    def _far(self) -> FarCrew:
        assert isinstance(self._crew, FarCrew)
        return self._crew

    def _hear(self, lines: Lines, data: bytes) -> None:
        if not data:
            said = f": {self._said.strip()}" if self._said.strip() else ""
            raise OutOfReach(f"{BROKEN}{said}")
        lines.feed(data)

    def _heard(self, news: News) -> None:
        self._port = news.get("port") or self._port
        self._far.hear(news)

    def _overheard(self, text: str) -> None:
        self._said = f"{self._said}\n{text}"[-_SAID_BYTES:]

    def _open_logs(self) -> None:
        """The hands open them, in a folder that is there before."""
        folder = Folders(Path(self._order["root"])).logs / self._order["attempt"]
        folder.mkdir(mode=0o700, exist_ok=True)

    def _prepare(self) -> None:
        self._check_not_stopped()
        self._take_step("hello", None)
        Path(self._order_file).unlink(missing_ok=True)  # every hand has read it
        self._take_step("prepare", Command(do="prepare"))

    @property
    def _order_file(self) -> Path:
        return Folders(Path(self._order["root"])).attempt(self._order["attempt"]).order

    def _take_step(self, step: str, command: Command | None) -> None:
        self._far.begin(step)
        if command is not None:
            self._reach.say(command)
        self._see_through()
        errors = self._far.errors
        self._begin_step()
        if errors:
            raise NotStarted(errors[0])

    def _start_all(self, script: str) -> None:
        self._far.begin("start")
        self._reach.say(Command(do="start", script=script, port=self._port))

    def _see_through(self) -> None:
        super()._see_through()
        if self._far.step == "start" and self._far.errors:
            raise NotStarted(self._far.errors[0])

    def _set_port(self) -> None:
        """Rank 0's machine has said which is free there."""

    def _leave_nothing(self) -> None:
        with suppress(OutOfReach):
            super()._leave_nothing()
            self._reach.say(Command(do="end"))
        self._reach.close()


def launch_commands(launch: Sequence[Sequence[str]], program: Path, order_file: Path) -> list[list[str]]:
    """The launchers' commands with what they are to start in the place of `@`."""
    hand = [sys.executable, "-I", "-S", "-X", "utf8", str(program), str(order_file), "hand"]
    return [[part for word in one for part in (hand if word == "@" else [word])] for one in launch]
