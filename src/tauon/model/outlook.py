"""What is known or believed of how long jobs will still run: asked job by job, so that it costs only what is asked."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from tauon.model.job import Job

LEAST_SERVED_US = 60 * 1_000_000


class Pace(NamedTuple):
    """How fast a job comes to its end.

    `per_s` is the best ratio of the chance that it completes to the time that this takes, over all moments at which
    it could be stopped (its Gittins index; one over what remains where that is known). It stays until its attempt has
    run for `until_ran_us` in all; None: it will only get faster.
    """

    per_s: float
    until_ran_us: int | None = None


class Outlook(Protocol):
    """`ran_us` is for how long a job's attempt has run by now: 0 for one that waits."""

    def remaining_us(self, job: Job, ran_us: int) -> int | None:
        """How long it is expected to run still; None where nothing is known."""
        ...

    def pace(self, job: Job, ran_us: int) -> Pace: ...


class Unforeseen:
    """Nothing is known: the longer a job has run, the longer it will, as durations with a heavy tail do."""

    def remaining_us(self, job: Job, ran_us: int) -> int | None:  # noqa: ARG002 - the protocol's
        return None

    def pace(self, job: Job, ran_us: int) -> Pace:
        """One over the time that it has run, rounded down to a power of two, so that it seldom changes."""
        step_us = LEAST_SERVED_US
        served_us = job.served_us + ran_us
        while step_us * 2 <= served_us:
            step_us *= 2
        return Pace(1e6 / step_us, step_us * 2 - job.served_us)
