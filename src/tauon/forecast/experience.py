"""What the journal teaches about run times: events are folded in as they come, and each prediction is held to its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from tauon.forecast.curve import FIRST_STEP_S, Curve, step_of
from tauon.forecast.error import Errors, Rolling, pinball
from tauon.forecast.job_class import class_of
from tauon.forecast.run_times import JobClass, RunTimes
from tauon.model.attempt import Outcome
from tauon.model.cluster import Cluster
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    Event,
    JobCancelled,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
)
from tauon.model.ids import AttemptId, JobId
from tauon.model.job import Job
from tauon.model.outlook import Pace

LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
FEWEST_JOBS = 5  # with fewer seen, nothing is predicted

FIRST_STEP_US = round(FIRST_STEP_S * 1e6)

# How often the journal's time passes before what runs is counted anew among what has not ended.
LOOK_US = 15 * 60 * 1_000_000

# How often the journal's time passes before paces follow what has been learnt.
RENEW_US = 2 * 60 * 1_000_000

# Of the first all predictions are judged, later one in so many: each costs a look at its curve.
JUDGED_FIRST, JUDGED_ONE_IN = 1_000, 16

_BY_ITSELF = frozenset({Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED})
_SAVED = frozenset({Outcome.PREEMPTED, Outcome.SUCCEEDED})
_AT_LEAST_S = 1.0  # below that, what is a ratio of times is noise


class Band(NamedTuple):
    """Seconds that a job still runs: nine in ten run longer than `low_s`, one in two than `middle_s`, one in ten than
    `high_s`. It rests on `jobs` that were like it, or like its queue where `jobs` is 0."""

    low_s: float
    middle_s: float
    high_s: float
    jobs: int


class _Course:
    """How far a job that has been placed has come."""

    __slots__ = ("ended_as", "job", "judged", "kept_us", "ran_us", "running_us")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.kept_us = 0  # what its attempts before did and did not lose
        self.ran_us = 0  # for how long its last attempt ran
        self.running_us: int | None = None
        self.ended_as: Outcome | None = None
        self.judged: tuple[float, float, float, float] | None = None

    def served_us(self, at_us: int) -> int:
        """How long it has run by then without what was lost: also when it was stopped and waits for its turn."""
        kept_us = self.kept_us
        if self.ended_as is not None:
            kept_us += self.job.kept_us(self.ran_us, is_saved=self.ended_as in _SAVED)
        if self.running_us is not None:
            kept_us += at_us - self.running_us
        return kept_us


class Experience:
    """Run times by class, and how good the predictions made of them were.

    It is made of the journal alone: whoever folds the same events knows the same.
    """

    def __init__(self) -> None:
        self.run_times = RunTimes()
        self.seq = 0
        self._courses: dict[JobId, _Course] = {}
        self._submitted: dict[JobId, Job] = {}
        self._looked_us = self._renewed_us = 0
        self._curves: dict[JobClass, Curve] = {}
        self._begun = 0
        self._ratio = Rolling()
        self._covered = Rolling()
        self._loss = Rolling()
        self._naive_loss = Rolling()

    def follow(self, event: Event, jobs: Mapping[JobId, Job]) -> None:
        """Fold in one event, in the order of the journal; `jobs` are those that have not ended, to look them up."""
        self.seq = event.seq
        match event.fact:
            case AttemptPlaced(attempt=attempt):
                job = jobs.get(attempt.job)
                if job is not None and attempt.job not in self._courses:
                    self._courses[attempt.job] = _Course(job)
            case AttemptRunning(attempt_id=attempt):
                self._running(_job_of(attempt), event.at_us)
            case AttemptEnded(attempt_id=attempt, outcome=outcome):
                self._attempt_ended(_job_of(attempt), outcome, event.at_us)
            case JobSucceeded(job_id=job_id) | JobFailed(job_id=job_id) | JobCancelled(job_id=job_id):
                self._job_ended(job_id)
            case _:
                return
        if event.at_us - self._renewed_us >= RENEW_US:
            self._renewed_us = event.at_us
            self._curves.clear()
        if event.at_us - self._looked_us >= LOOK_US:
            self._looked_us = event.at_us
            courses = self._courses.values()
            self.run_times.at_work(c.served_us(event.at_us) / 1e6 for c in courses)

    def replay(self, event: Event) -> None:
        """Fold in one event of a journal that is read again from its beginning, or from some place in it."""
        if isinstance(event.fact, JobSubmitted):
            self._submitted[event.fact.job.id] = event.fact.job
        self.follow(event, self._submitted)
        if isinstance(event.fact, JobSucceeded | JobFailed | JobCancelled):
            self._submitted.pop(event.fact.job_id, None)

    def go_on_from(self, cluster: Cluster) -> None:
        """Take what is alive from the state of this moment; what was not followed until now is not learnt from."""
        self.seq = cluster.seq
        self._courses = {}
        self.adopt(cluster)

    def adopt(self, cluster: Cluster) -> None:
        """Take what is alive and was placed before the events that were followed."""
        for attempt in cluster.attempts.values():
            if attempt.job not in self._courses:
                course = self._courses[attempt.job] = _Course(cluster.jobs[attempt.job])
                course.kept_us, course.running_us = course.job.served_us, attempt.running_at_us

    def replayed(self) -> None:
        """The journal has been read: what is alive is looked up from now on."""
        self._submitted.clear()

    def _running(self, job_id: JobId, at_us: int) -> None:
        course = self._courses.get(job_id)
        if course is None:
            return
        if course.running_us is None and not course.kept_us and not course.ended_as:
            self._begun += 1
            if self._begun <= JUDGED_FIRST or self._begun % JUDGED_ONE_IN == 0:
                course.judged = self._foretold(course.job)
        course.running_us = at_us

    def _attempt_ended(self, job_id: JobId, outcome: Outcome, at_us: int) -> None:
        course = self._courses.get(job_id)
        if course is None:
            return
        if course.ended_as is not None:
            course.kept_us += course.job.kept_us(course.ran_us, is_saved=course.ended_as in _SAVED)
        course.ran_us = 0 if course.running_us is None else at_us - course.running_us
        course.running_us, course.ended_as = None, outcome

    def _job_ended(self, job_id: JobId) -> None:
        course = self._courses.pop(job_id, None)
        if course is None or not course.ran_us:
            return
        seconds = (course.kept_us + course.ran_us) / 1e6
        if course.ended_as not in _BY_ITSELF:
            self.run_times.cut_short(class_of(course.job), seconds)
            return
        if course.judged is not None:
            self._judge(course.judged, seconds)
        self.run_times.finished(class_of(course.job), seconds)

    def _foretold(self, job: Job) -> tuple[float, float, float, float] | None:
        """Its quantiles, and those that all jobs together have."""
        if self.run_times.jobs < FEWEST_JOBS:
            return None
        own, all_alike = self.run_times.curve(class_of(job)), self.run_times.all_alike()
        return (
            own.remaining_s(MIDDLE),
            own.remaining_s(HIGH),
            all_alike.remaining_s(MIDDLE),
            all_alike.remaining_s(HIGH),
        )

    def _judge(self, foretold: tuple[float, float, float, float], seconds: float) -> None:
        middle, high, naive_middle, naive_high = (math.log(max(_AT_LEAST_S, one)) for one in foretold)
        actual = math.log(max(_AT_LEAST_S, seconds))
        self._ratio.add(abs(actual - middle))
        self._covered.add(float(seconds <= foretold[1]))
        self._loss.add(pinball(actual, middle, MIDDLE) + pinball(actual, high, HIGH))
        self._naive_loss.add(pinball(actual, naive_middle, MIDDLE) + pinball(actual, naive_high, HIGH))

    def _curve(self, job_class: JobClass) -> Curve:
        """The curve of a class as it was at the last look around, or soon after: an order that changed with each job
        that ends would have work stopped for nothing."""
        curve = self._curves.get(job_class)
        if curve is None:
            curve = self._curves[job_class] = self.run_times.curve(job_class)
        return curve

    @property
    def errors(self) -> Errors | None:
        """How good the predictions of the latest jobs were when they started; None before the first of them ended.

        The naive rule takes all jobs for alike. Losses are of the logarithm of the time, so that an hour too long
        counts for more with a job of minutes than with one of days.
        """
        if not self._loss.count:
            return None
        naive = self._naive_loss.value
        return Errors(
            jobs=self._loss.count,
            ratio=math.exp(self._ratio.value),
            coverage=self._covered.value,
            skill=1.0 - self._loss.value / naive if naive else 0.0,
        )

    def band(self, job: Job, ran_us: int = 0) -> Band | None:
        """How long a job still runs whose attempt has run for `ran_us`; None where too little is known."""
        if self.run_times.jobs < FEWEST_JOBS:
            return None
        job_class, served_s = class_of(job), (job.served_us + ran_us) / 1e6
        curve = self.run_times.curve(job_class)
        low, middle, high = (_within_limit(curve.remaining_s(q, served_s), job, ran_us) for q in (LOW, MIDDLE, HIGH))
        return Band(low, middle, high, self.run_times.known(job_class))

    def remaining_us(self, job: Job, ran_us: int) -> int | None:
        """The median of what a job still runs; None where too little is known."""
        if self.run_times.jobs < FEWEST_JOBS:
            return None
        seconds = self.run_times.curve(class_of(job)).remaining_s(MIDDLE, (job.served_us + ran_us) / 1e6)
        return round(_within_limit(seconds, job, ran_us) * 1e6)

    def pace(self, job: Job, ran_us: int) -> Pace:
        """Gittins' index, in steps that double, so that it seldom changes."""
        curve, served_us = self._curve(class_of(job)), job.served_us
        if served_us + ran_us < FIRST_STEP_US:  # as nearly all of a crowd that waits
            return Pace(curve.completions_per_s(0), FIRST_STEP_US - served_us)
        step, until_s = step_of((served_us + ran_us) / 1e6)
        per_s = curve.completions_per_s(step)
        return Pace(per_s, None if until_s == math.inf else round(until_s * 1e6) - served_us)


def _within_limit(seconds: float, job: Job, ran_us: int) -> float:
    """No longer than until its time limit ends this attempt."""
    if job.timeout_s is None:
        return seconds
    return min(seconds, max(0.0, job.timeout_s - ran_us / 1e6))


def _job_of(attempt: AttemptId) -> JobId:
    return JobId(attempt.rpartition("-")[0])
