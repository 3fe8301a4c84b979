"""What a simulation leaves behind: the journal, the end state, and the times of each job."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tauon.model.cluster import Cluster
from tauon.model.event import Event
from tauon.model.ids import JobId
from tauon.model.job import Job, JobState
from tauon.model.plan import Plan
from tauon.ports.store import JobFilter, Store
from tauon.simulator.scenario import Scenario

_encoder = msgspec.json.Encoder()


class JobTimes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One job in microseconds: when it came, first started and ended (None: not yet); `ran_us` over all its attempts."""

    job: JobId
    state: JobState
    submitted_us: int
    started_us: int | None
    ended_us: int | None
    ran_us: int
    attempts: int
    preemptions: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A submit that was not taken, by its position, and why."""

    submit: int
    reason: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a simulation. `jobs` are the ids by position of their submit, None where it was refused."""

    scenario: Scenario
    store: Store
    cluster: Cluster
    plan: Plan
    ended_at_us: int
    cycles: int
    jobs: Sequence[JobId | None]
    refused: Sequence[Refused]

    def __repr__(self) -> str:
        """Short: asyncio makes one of whatever a task returns, and throws it away."""
        return f"<Result of {len(self.jobs)} jobs>"

    def events(self) -> list[Event]:
        """The whole journal."""
        return list(self.store.all_events())

    def journal(self) -> bytes:
        """The whole journal, encoded: the same for the same scenario and seed, on any machine."""
        return b"".join(_encoder.encode(event) + b"\n" for event in self.store.all_events())

    def times(self) -> list[JobTimes]:
        """Every job that was taken, oldest first."""
        jobs = self.store.jobs(JobFilter(limit=len(self.jobs) + 1))
        return [self._times(job) for job in reversed(jobs)]

    def _times(self, job: Job) -> JobTimes:
        ran_us = 0
        for attempt in self.store.attempts(job.id):
            if attempt.running_at_us is not None:
                end_us = self.ended_at_us if attempt.ended_at_us is None else attempt.ended_at_us
                ran_us += end_us - attempt.running_at_us
        return JobTimes(
            job=job.id,
            state=job.state,
            submitted_us=job.submitted_at_us,
            started_us=job.started_at_us,
            ended_us=job.ended_at_us,
            ran_us=ran_us,
            attempts=job.attempts,
            preemptions=job.preemptions,
        )
