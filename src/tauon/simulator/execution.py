"""One attempt as it really runs: when it ends by itself, what a notice, a kill or a lost node does to it."""

from __future__ import annotations

from collections.abc import Callable

from tauon.model.attempt import Attempt
from tauon.model.ids import NodeId
from tauon.ports.providers import AttemptObserved, Ending, Phase, StopOrder
from tauon.simulator.clock import Timer, VirtualClock
from tauon.simulator.labour import Labour

KILLED = -9
TERMINATED = -15


class Execution:
    """The processes of one attempt. `publish` is called with what its engine would tell, whenever that changes."""

    def __init__(
        self,
        attempt: Attempt,
        labour: Labour,
        clock: VirtualClock,
        publish: Callable[[AttemptObserved], None],
        *,
        pauses: bool = False,
    ) -> None:
        self.attempt = attempt
        self.phase = Phase.STARTING
        self._labour = labour
        self._work = labour.work(attempt.job)
        self._clock = clock
        self._publish = publish
        self._timers: list[Timer] = []
        self._done_before_us = 0  # the work that this attempt found done
        self._restart_us = 0
        self._running_at_us = 0
        self._finish_at_us: int | None = None
        self._kill: Timer | None = None
        self._kill_at_us: int | None = None
        self._broken = False
        self._pauses = pauses
        labour.begin(attempt)
        self._tell()

    def start_at(self, at_us: int) -> None:
        """Let it run from then on."""
        self._timers.append(self._clock.at(at_us, self._run))

    def fail_to_start_at(self, at_us: int, message: str) -> None:
        self._timers.append(self._clock.at(at_us, lambda: self._end(Ending.NOT_STARTED, message=message)))

    def stop(self, order: StopOrder) -> None:
        """Give notice and see to the kill; a second order can only bring the kill forward."""
        now_us = self._clock.now_us()
        kill_at_us = max(now_us, order.requested_at_us + round(order.notice_s * 1e6))
        if self.phase is Phase.ENDED or (self._kill_at_us is not None and self._kill_at_us <= kill_at_us):
            return
        is_first = self._kill_at_us is None
        self._kill_at_us = kill_at_us
        if self._kill is not None:
            self._kill.cancel()
        if self.phase is Phase.STARTING:
            self._end(Ending.NOT_STARTED, message="stopped before it ran")
        elif kill_at_us <= now_us:
            self._die(KILLED)
        else:
            self._kill = self._clock.at(kill_at_us, lambda: self._die(KILLED))
            if is_first and not self._broken:
                self._heed_notice(now_us)

    def pause(self, passed_us: int) -> None:
        """Lose of the time that has passed what a restart costs, as if its engine had stopped and resumed it then."""
        if self.phase is not Phase.RUNNING or self._kill_at_us is not None or self._finish_at_us is None:
            return
        ran_us = self._clock.now_us() - self._running_at_us
        lost_us = min(passed_us, ran_us, round(self._work.restart_s * 1e6))
        if lost_us > 0 and self._finish_at_us > self._clock.now_us():
            self._restart_us += lost_us
            self._finish_at_us += lost_us
            self._cancel_timers()
            self._timers.append(self._clock.at(self._finish_at_us, self._finish))

    def _heed_notice(self, now_us: int) -> None:
        if self._work.save_s is not None:
            self._cancel_timers()  # it works no more, it saves
            done_us = self._done_us()
            self._timers.append(self._clock.at(now_us + round(self._work.save_s * 1e6), lambda: self._saved(done_us)))
        elif not self._work.ignores_notice:
            self._die(TERMINATED)

    def lose(self, node: NodeId, *, remain: int) -> None:
        """A node with workers of it is gone; `remain` others are left. A gang that lost a part hangs until it is killed."""
        if self.phase is Phase.ENDED:
            return
        self._save_regularly()
        self._cancel_timers()
        self._broken = True
        if remain == 0:
            self._end(Ending.LOST, message=f"{node} vanished")

    def report_loss(self) -> None:
        """Tell by itself that it is lost, as engines do that notice that part of a gang is gone."""
        if self.phase is not Phase.ENDED:
            self._end(Ending.LOST, message="a worker vanished")

    def _run(self) -> None:
        job, now_us = self.attempt.job, self._clock.now_us()
        self._running_at_us = now_us
        self._done_before_us = self._labour.saved_us(job)
        self._restart_us = round(self._work.restart_s * 1e6) if self._labour.runs(job) and not self._pauses else 0
        self._labour.ran(job)
        end_us = round(self._work.duration_s * 1e6)
        crash_us = self._labour.next_crash_us(job, self._done_before_us)
        starts_us = now_us + self._restart_us - self._done_before_us
        if crash_us is not None and crash_us < end_us:
            self._timers.append(self._clock.at(starts_us + crash_us, self._crash))
        else:
            self._finish_at_us = max(now_us, starts_us + end_us)
            self._timers.append(self._clock.at(self._finish_at_us, self._finish))
        self.phase = Phase.RUNNING
        self._tell()

    def _done_us(self) -> int:
        """The work that is done by now, saved or not."""
        return self._done_before_us + max(0, self._clock.now_us() - self._running_at_us - self._restart_us)

    def _save_regularly(self) -> None:
        every_us = round(self._work.saves_every_s * 1e6)
        if every_us and self.phase is Phase.RUNNING:
            done_us = self._done_us() - self._done_before_us
            self._labour.save(self.attempt.job, self._done_before_us + done_us // every_us * every_us)

    def _saved(self, done_us: int) -> None:
        self._labour.save(self.attempt.job, done_us)
        self._end(Ending.EXITED, code=0)

    def _crash(self) -> None:
        self._save_regularly()
        self._labour.crashed(self.attempt.job)
        self._end(Ending.EXITED, code=1, message="crashed")

    def _finish(self) -> None:
        self._labour.save(self.attempt.job, round(self._work.duration_s * 1e6))
        self._end(Ending.EXITED, code=self._work.exit_code)

    def _die(self, code: int) -> None:
        if not self._broken:
            self._save_regularly()
        self._end(Ending.EXITED, code=code)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _end(self, ending: Ending, *, code: int | None = None, message: str = "") -> None:
        if self.phase is Phase.ENDED:
            return
        self._cancel_timers()
        if self._kill is not None:
            self._kill.cancel()
        self.phase = Phase.ENDED
        self._labour.end(self.attempt)
        self._tell(ending, code, message)

    def _tell(self, ending: Ending | None = None, code: int | None = None, message: str = "") -> None:
        codes = (code,) * len(self.attempt.placement) if ending is Ending.EXITED else ()
        self._publish(
            AttemptObserved(id=self.attempt.id, phase=self.phase, ending=ending, exit_codes=codes, message=message)
        )
