"""The truth about all work: how far each job has come, what of it is saved, and who occupies which accelerator."""

from __future__ import annotations

from tauon.model.attempt import Attempt
from tauon.model.errors import InvariantViolated
from tauon.model.ids import AttemptId, JobId, NodeId
from tauon.model.job import Job
from tauon.model.resources import MILLI
from tauon.simulator.scenario import Work


class Labour:
    """What the world knows of each job, whichever pool it runs in; it sees at once when something is started twice."""

    def __init__(self) -> None:
        self._work: dict[JobId, Work] = {}
        self._by_key: dict[str, Work] = {}
        self._saved_us: dict[JobId, int] = {}
        self._crashes: dict[JobId, int] = {}
        self._runs: dict[JobId, int] = {}
        self._alive: dict[JobId, AttemptId] = {}
        self._begun: set[AttemptId] = set()
        self._occupied: dict[tuple[NodeId, int], int] = {}

    def expect(self, key: str, work: Work) -> None:
        """Say what the job that is about to be submitted under a key will do: the answer may get lost."""
        if key:
            self._by_key[key] = work

    def know(self, job: JobId, work: Work) -> None:
        """Say what a job will do, before it can be started."""
        self._work[job] = work

    def meet(self, job: Job) -> None:
        """A job is about to be started. Raises InvariantViolated when nobody said what it will do."""
        if job.id not in self._work:
            if job.key not in self._by_key:
                raise InvariantViolated(f"{job.id} is started, but its submitter never heard of it and gave no key")
            self._work[job.id] = self._by_key[job.key]

    def work(self, job: JobId) -> Work:
        return self._work[job]

    def saved_us(self, job: JobId) -> int:
        """How much of its work a new attempt of a job finds done, in microseconds."""
        return self._saved_us.get(job, 0)

    def save(self, job: JobId, done_us: int) -> None:
        self._saved_us[job] = max(done_us, self.saved_us(job))

    def next_crash_us(self, job: JobId, done_us: int) -> int | None:
        """The first point at or after `done_us` at which the job will crash."""
        points = sorted(round(at_s * 1e6) for at_s in self._work[job].crashes_at_s)
        left = [at_us for at_us in points[self._crashes.get(job, 0) :] if at_us >= done_us]
        return left[0] if left else None

    def crashed(self, job: JobId) -> None:
        self._crashes[job] = self._crashes.get(job, 0) + 1

    def runs(self, job: JobId) -> int:
        """How many of its attempts have run before."""
        return self._runs.get(job, 0)

    def ran(self, job: JobId) -> None:
        self._runs[job] = self.runs(job) + 1

    @property
    def is_busy(self) -> bool:
        """Whether any process exists."""
        return bool(self._alive)

    def begin(self, attempt: Attempt) -> None:
        """An attempt's processes exist from now on. Raises InvariantViolated where they must not."""
        other = self._alive.get(attempt.job)
        if other is not None:
            raise InvariantViolated(f"{attempt.id} was started while {other} of the same job is alive")
        if attempt.id in self._begun:
            raise InvariantViolated(f"{attempt.id} was started twice")
        self._begun.add(attempt.id)
        self._alive[attempt.job] = attempt.id
        for worker in attempt.placement:
            for index in worker.accelerators:
                share = self._occupied.get((worker.node, index), 0) + worker.share_milli
                self._occupied[worker.node, index] = share
                if share > MILLI:
                    raise InvariantViolated(f"{attempt.id} shares accelerator {index} of {worker.node} with another")

    def allow_again(self, attempt: AttemptId) -> None:
        """An engine knows nothing of an attempt that was lost with its nodes: should it be told again, it starts it."""
        self._begun.discard(attempt)

    def end(self, attempt: Attempt) -> None:
        """None of an attempt's processes exists any more."""
        if self._alive.pop(attempt.job, None) is None:
            return
        for worker in attempt.placement:
            for index in worker.accelerators:
                self._occupied[worker.node, index] -= worker.share_milli
