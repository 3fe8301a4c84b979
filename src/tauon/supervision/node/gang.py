"""The life of one attempt: prepare, set up, run all workers, and leave no process behind, whatever happens.

A gang lives and dies together: when one worker fails the others are told to end. Orders to stop are kept here, by this
process alone, so that a notice runs out and the kill comes also when the server is gone.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tauon.supervision.node import cgroup, wording
from tauon.supervision.node.crew import Crew
from tauon.supervision.node.folders import Folders
from tauon.supervision.node.order import Ending, StopNote, SupervisionOrder
from tauon.supervision.node.output import Outputs, RotatedLog
from tauon.supervision.node.preparation import PreparationFailed, prepare
from tauon.supervision.node.report import Report
from tauon.supervision.node.spawn import Launch, SpawnFailed, fork, read_error, shell_command, spawn

_KILL_AGAIN_S = 0.05
_DRAIN_S = 2.0
_LOOK_AFTER_HOME_S = 30.0
_TOLD_TO_END = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class OutOfReach(Exception):
    """Why nothing more can be known of processes on other machines; for people."""


class NotStarted(Exception):
    """Why the workers of an attempt never ran; for people."""


@dataclass(slots=True)
class Farewell:
    """The processes have been told to end: by which signal, and when they are killed. `notice_s` None: no order."""

    signal: int
    kill_at: float
    notice_s: float | None


class Gang:
    """All processes of one attempt. `run` returns when none is left and its end is on disk.

    Every `look_s` seconds it makes sure that somebody wants it still.
    """

    def __init__(self, order: SupervisionOrder, report: Report, look_s: float = _LOOK_AFTER_HOME_S) -> None:
        self._look_s = look_s
        self._order = order
        self._report = report
        self._outputs = Outputs()
        self._logs: list[RotatedLog] = []
        self._crew = self._new_crew()
        self._farewell: Farewell | None = None

    def run(self) -> None:
        ending, message = Ending.NOT_STARTED, ""
        try:
            self._open_logs()
            self._obey_note()  # it may be older than this process
            self._prepare()
            self._set_up()
            self._run_workers()
            ending, message = Ending.EXITED, self._verdict()
        except (NotStarted, PreparationFailed, SpawnFailed) as error:
            message = str(error)
        except OSError as error:
            message = f"this machine could not start it: {error}"
        except OutOfReach as error:
            ending, message = Ending.LOST, str(error)
        exits = self._crew.exits if ending is Ending.EXITED else [None] * len(self._order["workers"])
        failed = self._crew.first_failed if ending is Ending.EXITED and not self._is_stopped else None
        self._leave_nothing()
        self._finish_outputs()
        self._remove_cgroups()
        self._report.ended(ending, exits, failed, message)

    @property
    def exits(self) -> Sequence[int | None]:
        """Of the last step's processes, by rank."""
        return self._crew.exits

    def _leave_nothing(self) -> None:
        if self._crew.reap():  # a start that failed half-way
            self._crew.kill_all()
            self._clear_away()

    # The steps

    def _open_logs(self) -> None:
        folder = Folders(Path(self._order["root"])).logs / self._order["attempt"]
        folder.mkdir(mode=0o700, exist_ok=True)
        size, keep = self._order["log_segment_bytes"], self._order["log_segments"]
        for rank in range(len(self._order["workers"])):
            self._logs.append(RotatedLog(folder, rank, segment_bytes=size, keep=keep))

    def _prepare(self) -> None:
        self._check_not_stopped()
        if self._order["workdir"]:
            self._prepare_aside()
        else:
            prepare(self._order)
        for worker in self._order["workers"]:
            for group in worker["cgroups"]:
                cgroup.create(group)

    def _prepare_aside(self) -> None:
        """Unpacking can take long and can be told to stop, so it has a process of its own."""
        output = self._outputs.pipe_into(self._logs[0])
        pid, errors = fork(lambda: prepare(self._order), output)
        os.close(output)
        self._crew.add(pid)
        self._see_through()
        message = read_error(errors)
        code = self._crew.exits[0]
        self._begin_step()
        if code:
            raise NotStarted(message or f"unpacking the uploaded folder {wording.describe_exit(code)}")

    def _set_up(self) -> None:
        if not self._order["setup"]:
            return
        self._start_all(self._order["setup"])
        self._see_through()
        failed = self._crew.first_failed
        said = self._describe_failure(failed) if failed is not None else ""
        self._begin_step()
        if said:
            raise NotStarted(f"setup failed: {said}; its output is in the log")

    def _run_workers(self) -> None:
        self._set_port()
        self._start_all(self._order["run"])
        self._report.running(self._crew.pids)
        self._see_through()

    def _set_port(self) -> None:
        port = str(free_port())
        for worker in self._order["workers"]:
            worker["env"].setdefault("MASTER_PORT", port)

    def _begin_step(self) -> None:
        """The step before is over: forget its processes. Raises NotStarted when an order to stop came meanwhile."""
        self._check_not_stopped()
        self._farewell = None
        self._crew = self._new_crew()

    def _new_crew(self) -> Crew:
        return Crew()

    def _start_all(self, script: str) -> None:
        for worker, log in zip(self._order["workers"], self._logs, strict=True):
            output = self._outputs.pipe_into(log)
            try:
                argv = shell_command(script)
                folder = Path(worker["folder"])
                self._crew.add(spawn(Launch(argv, worker["env"], folder, output, worker["cgroups"])))
            finally:
                os.close(output)

    # Waiting, with the notice and the kill where they are due

    def _see_through(self) -> None:
        """Return when every process of this step has ended, and all that they started."""
        while not self._crew.is_done:
            left_s = self._farewell.kill_at - time.monotonic() if self._farewell else None
            if left_s is not None and left_s <= 0:
                self._crew.kill_all()
                left_s = _KILL_AGAIN_S
            self._look(self._look_s if left_s is None else min(left_s, self._look_s))
            self._obey_note()  # the signal that says there is one may have been lost
            if not self._report.is_wanted:  # the server's home was removed: nobody would ever stop this
                self._crew.kill_all()
            if self._crew.first_failed is not None and self._farewell is None:
                self._say_farewell(signal.SIGTERM, self._order["failure_grace_s"], notice_s=None)
        self._clear_away()

    def _clear_away(self) -> None:
        """End what the processes of this step left running; what can't be killed is waited for, it holds its place."""
        if not self._crew.reap():
            return
        kill_at = time.monotonic() + self._order["leftover_grace_s"]
        if self._is_waiting_for_notice():
            kill_at = self._farewell.kill_at if self._farewell else kill_at
        else:
            self._crew.signal_all(signal.SIGTERM)
        while self._crew.reap():
            kill_at = min(kill_at, self._farewell.kill_at) if self._farewell else kill_at
            left_s = kill_at - time.monotonic()
            if left_s <= 0:
                self._crew.kill_all()
            self._look(max(left_s, _KILL_AGAIN_S))

    def _is_waiting_for_notice(self) -> bool:
        """Whether the notice killed a shell whose command, in the same group, may still be saving its work."""
        farewell = self._farewell
        return farewell is not None and self._is_stopped and -farewell.signal in self._crew.exits

    def _look(self, wait_s: float | None) -> None:
        signals = self._outputs.pump(wait_s)
        if not signals:
            return
        self._crew.reap()
        if signal.SIGUSR1 in signals:
            self._obey_note()
        if _TOLD_TO_END & signals:  # the machine is being shut down, or its engine takes it back
            if not self._is_stopped:
                self._report.told_to_end()
            self._obey(StopNote(signal=self._order["signal"], notice_s=self._order["notice_s"]))

    # Orders to stop

    @property
    def _is_stopped(self) -> bool:
        return self._farewell is not None and self._farewell.notice_s is not None

    def _check_not_stopped(self) -> None:
        if self._is_stopped:
            raise NotStarted("stopped before it had started")

    def _obey_note(self) -> None:
        note = self._report.stop_note()
        if note is not None:
            self._obey(note)

    def _obey(self, note: StopNote) -> None:
        """Begin the notice, or, where it has begun, bring the kill forward; a repeated order never puts it off."""
        notice_s = max(0.0, note["notice_s"])
        farewell = self._farewell
        if farewell is None or farewell.notice_s is None:
            self._say_farewell(signal.Signals[note["signal"]], notice_s, notice_s=notice_s)
        elif time.monotonic() + notice_s < farewell.kill_at:
            farewell.kill_at = time.monotonic() + notice_s
            farewell.notice_s = notice_s

    def _say_farewell(self, number: int, grace_s: float, *, notice_s: float | None) -> None:
        before = self._farewell.kill_at if self._farewell else float("inf")
        self._farewell = Farewell(number, min(before, time.monotonic() + grace_s), notice_s)
        if grace_s > 0:
            self._crew.signal_groups(number)

    # The end

    def _verdict(self) -> str:
        if self._farewell and self._farewell.notice_s is not None:
            return wording.describe_stop(self._crew.exits, self._farewell.notice_s)
        failed = self._crew.first_failed
        return "" if failed is None else self._describe_failure(failed)

    def _describe_failure(self, rank: int) -> str:
        worker = self._order["workers"][rank]
        code = self._crew.exits[rank] or 0
        if worker["memory_mib"] and cgroup.oom_kills(worker["oom_file"]):
            what = wording.describe_memory(worker["memory_mib"])
        else:
            what = wording.describe_exit(code)
        return wording.describe_failure(rank, len(self._order["workers"]), what)

    def _finish_outputs(self) -> None:
        """Every writer is gone, so the pipes run dry; unless one was handed to a process elsewhere."""
        give_up_at = time.monotonic() + _DRAIN_S
        while self._outputs.are_open and time.monotonic() < give_up_at:
            self._outputs.pump(give_up_at - time.monotonic())
        for log in self._logs:
            log.close()

    def _remove_cgroups(self) -> None:
        for worker in self._order["workers"]:
            for group in worker["cgroups"]:
                cgroup.remove(Path(group["path"]))


def free_port() -> int:
    """A port of this machine that nobody listens on now; the kernel won't give it out again soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
