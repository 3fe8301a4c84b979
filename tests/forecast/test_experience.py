"""The journal teaches how long jobs take: what counts as a run time, what is predicted from it, and how good that was."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tauon.forecast.experience import FEWEST_JOBS, Experience
from tauon.forecast.job_class import class_of
from tauon.model.attempt import Outcome, StopCause
from tauon.model.cluster import Cluster
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Event,
    Fact,
    JobFailed,
    JobRequeued,
    JobSubmitted,
    JobSucceeded,
    NodeReady,
    PoolConfigured,
    QueueConfigured,
)
from tauon.model.ids import AttemptId, attempt_id
from tauon.model.job import CheckpointPolicy, Job, RetriesUsed
from tests.builders import SECOND_US, START_US, a_job, a_node, a_pool, a_queue, an_attempt

HOUR_US = 3_600 * SECOND_US


class Past:
    """A journal in the making, folded by the state and by the experience."""

    def __init__(self) -> None:
        self.now_us = START_US
        self.cluster = Cluster()
        self.experience = Experience()
        self.events: list[Event] = []
        self._jobs = 0
        self.put(PoolConfigured(pool=a_pool()), QueueConfigured(queue=a_queue()), NodeReady(node=a_node()))

    def put(self, *facts: Fact) -> None:
        # The experience follows before the state goes on, as the loop has it: the job is still there when it is placed.
        for fact in facts:
            event = Event(seq=self.cluster.seq + 1, at_us=self.now_us, fact=fact)
            self.cluster.apply(event)
            self.experience.follow(event, self.cluster.jobs)
            self.events.append(event)

    def placed(self, job: Job) -> AttemptId:
        placed = an_attempt(self.cluster.jobs[job.id], placed_at_us=self.now_us)
        self.put(AttemptPlaced(attempt=placed), AttemptRunning(attempt_id=placed.id))
        return placed.id

    def submitted(self, **fields: Any) -> Job:
        self._jobs += 1
        job = a_job(self._jobs, **fields)
        self.put(JobSubmitted(job=job))
        return job

    def ran(self, seconds: float, **fields: Any) -> Job:
        """A job that succeeded after so long."""
        job = self.submitted(**fields)
        attempt = self.placed(job)
        self.now_us += round(seconds * SECOND_US)
        self.put(AttemptEnded(attempt_id=attempt, outcome=Outcome.SUCCEEDED), JobSucceeded(job_id=job.id))
        return job

    def preempted(self, attempt: AttemptId, job: Job) -> None:
        stop = AttemptStopRequested(attempt_id=attempt, cause=StopCause.PREEMPTED, notice_s=0.0, reason="")
        ended = AttemptEnded(attempt_id=attempt, outcome=Outcome.PREEMPTED)
        again = JobRequeued(job_id=job.id, not_before_us=0, retries_used=RetriesUsed(), reason="")
        self.put(stop, ended, again)


def learnt(past: Past, job: Job) -> list[tuple[float, int]]:
    """What was learnt of a job's class, seconds rounded up to their buckets' ends."""
    return [(end_s, round(count)) for end_s, count in past.experience.run_times.histogram(class_of(job))]


def test_nothing_is_predicted_before_a_few_have_ended() -> None:
    past = Past()
    for _ in range(FEWEST_JOBS - 1):
        past.ran(60.0)
    assert past.experience.band(a_job()) is None
    assert past.experience.remaining_us(a_job(), 0) is None
    past.ran(60.0)
    assert past.experience.band(a_job()) is not None


def test_a_job_is_predicted_to_take_what_those_like_it_took() -> None:
    past = Past()
    for _ in range(50):
        past.ran(3_600.0, name="train-7")
        past.ran(60.0, name="eval-3", user="grace")
    train = past.experience.band(a_job(name="train-8"))
    assert train is not None
    assert train.low_s < train.middle_s < train.high_s
    assert train.middle_s == pytest.approx(3_600.0, rel=0.2)
    assert train.jobs == 50
    evaluation = past.experience.remaining_us(a_job(name="eval-4", user="grace"), 0)
    assert evaluation == pytest.approx(60 * SECOND_US, rel=0.2)


def test_what_it_has_run_already_counts() -> None:
    past = Past()
    for _ in range(50):
        past.ran(3_600.0)
    fresh, late = (past.experience.remaining_us(a_job(), ran_us) for ran_us in (0, 3_000 * SECOND_US))
    assert fresh is not None
    assert late is not None
    assert late < fresh / 2


def test_a_time_limit_ends_what_is_predicted_to_run_on() -> None:
    past = Past()
    for _ in range(50):
        past.ran(3_600.0)
    band = past.experience.band(a_job(timeout_s=900.0), 300 * SECOND_US)
    assert band is not None
    assert band.high_s == 600.0


def test_a_preempted_job_that_saved_its_work_took_the_sum() -> None:
    past = Past()
    job = past.submitted(checkpoint=CheckpointPolicy())
    first = past.placed(job)
    past.now_us += 2 * HOUR_US
    past.preempted(first, job)
    past.now_us += 5 * HOUR_US  # waiting is no running
    second = past.placed(job)
    past.now_us += HOUR_US
    past.put(AttemptEnded(attempt_id=second, outcome=Outcome.SUCCEEDED), JobSucceeded(job_id=job.id))
    [(end_s, count)] = learnt(past, job)
    assert count == 1
    assert end_s / 1.19 <= 3 * 3_600 < end_s


def test_a_preempted_job_that_lost_its_work_took_the_last_attempt() -> None:
    past = Past()
    job = past.submitted()
    first = past.placed(job)
    past.now_us += 2 * HOUR_US
    past.preempted(first, job)
    second = past.placed(job)
    past.now_us += HOUR_US
    past.put(AttemptEnded(attempt_id=second, outcome=Outcome.SUCCEEDED), JobSucceeded(job_id=job.id))
    [(end_s, _)] = learnt(past, job)
    assert end_s / 1.19 <= 3_600 < end_s


def test_a_job_that_was_lost_or_timed_out_would_have_run_on() -> None:
    for outcome in (Outcome.LOST, Outcome.TIMED_OUT):
        past = Past()
        job = past.submitted()
        attempt = past.placed(job)
        past.now_us += HOUR_US
        past.put(AttemptEnded(attempt_id=attempt, outcome=outcome), JobFailed(job_id=job.id, reason="gone"))
        [(_, count)] = learnt(past, job)
        assert count == 0  # none that ended by itself
        assert past.experience.run_times.known(class_of(job)) == 1


def test_a_job_that_never_ran_teaches_nothing() -> None:
    past = Past()
    job = past.submitted()
    placed = an_attempt(past.cluster.jobs[job.id], placed_at_us=past.now_us)
    ended = AttemptEnded(attempt_id=placed.id, outcome=Outcome.START_FAILED)
    past.now_us += HOUR_US
    past.put(AttemptPlaced(attempt=placed), ended, JobFailed(job_id=job.id, reason="no such program"))
    assert past.experience.run_times.jobs == 0


def test_the_pace_falls_while_nothing_ends_and_says_until_when_it_holds() -> None:
    past, chance = Past(), random.Random(5)
    for _ in range(300):
        past.ran(chance.lognormvariate(5.0, 2.0))
    fresh = past.experience.pace(a_job(), 0)
    assert fresh.until_ran_us is not None
    assert past.experience.pace(a_job(), fresh.until_ran_us - SECOND_US) == fresh
    old = past.experience.pace(a_job(), 8 * HOUR_US)
    assert old.per_s < fresh.per_s / 5
    served = past.experience.pace(a_job(served_us=8 * HOUR_US), 0)
    assert served.per_s == old.per_s
    assert served.until_ran_us is not None
    assert old.until_ran_us == served.until_ran_us + 8 * HOUR_US


def test_without_predictions_there_are_no_errors() -> None:
    assert Past().experience.errors is None


def test_predictions_are_held_to_what_came() -> None:
    past, chance = Past(), random.Random(11)
    for _ in range(400):
        past.ran(chance.lognormvariate(8.0, 0.3), name="train")
        past.ran(chance.lognormvariate(3.0, 0.3), name="eval")
    errors = past.experience.errors
    assert errors is not None
    assert errors.jobs > 700
    assert 1.0 < errors.ratio < 2.0
    assert 0.8 < errors.coverage < 0.98
    assert errors.skill > 0.5  # to take them all for alike is no way to tell seconds from hours


def test_where_all_jobs_are_alike_knowing_them_apart_does_hardly_harm() -> None:
    past, chance = Past(), random.Random(2)
    for number in range(500):
        past.ran(chance.expovariate(1 / 600), user=f"user-{number % 20}")
    errors = past.experience.errors
    assert errors is not None
    assert errors.skill > -0.1


def test_whoever_reads_the_journal_again_knows_the_same() -> None:
    past, chance = Past(), random.Random(4)
    for number in range(60):
        past.ran(chance.expovariate(1 / 600), name=f"train-{number}")
    job = past.submitted(name="train-61")
    past.placed(job)
    again = Experience()
    for event in past.events:
        again.replay(event)
    again.replayed()
    assert again.seq == past.experience.seq
    assert again.errors == past.experience.errors
    assert again.band(job, SECOND_US) == past.experience.band(job, SECOND_US)


def test_after_a_gap_it_goes_on_from_what_is_alive() -> None:
    past = Past()
    for _ in range(FEWEST_JOBS):
        past.ran(60.0)
    job = past.submitted()
    attempt = past.placed(job)
    fresh = Experience()
    fresh.go_on_from(past.cluster)
    past.experience = fresh
    past.now_us += HOUR_US
    past.put(AttemptEnded(attempt_id=attempt, outcome=Outcome.SUCCEEDED), JobSucceeded(job_id=job.id))
    assert fresh.run_times.known(class_of(job)) == 1
    [(end_s, _)] = learnt(past, job)
    assert end_s / 1.19 <= 3_600 < end_s


def test_an_event_about_something_unknown_is_passed_over() -> None:
    experience, cluster = Experience(), Cluster()
    unknown = attempt_id(a_job().id, 1)
    ended = AttemptEnded(attempt_id=unknown, outcome=Outcome.SUCCEEDED)
    facts: Sequence[Fact] = (AttemptRunning(attempt_id=unknown), ended, JobSucceeded(job_id=a_job().id))
    for seq, fact in enumerate(facts, 1):
        experience.follow(Event(seq=seq, at_us=START_US, fact=fact), cluster.jobs)
    assert experience.run_times.jobs == 0
    assert experience.seq == 3


def test_jobs_are_alike_by_queue_size_user_and_name_whatever_its_numbers() -> None:
    one = a_job(1, name="train-resnet-17")
    assert class_of(one) == class_of(a_job(2, name="Train-ResNet-3"))
    for other in (
        a_job(2, name="train-resnet-17", gpus=2),
        a_job(2, name="train-resnet-17", workers=2),
        a_job(2, name="train-resnet-17", user="grace"),
        a_job(2, name="train-vgg-17"),
    ):
        assert class_of(one) != class_of(other)
    assert class_of(a_job(1, gpus=2)) == class_of(a_job(2, gpus=1, workers=2, name="train-1"))


def test_jobs_without_a_name_are_told_apart_by_what_they_run() -> None:
    one, same, other = (
        a_job(number, name="job", document=f'{{"run":"{run}"}}')
        for number, run in ((1, "python train.py --seed 1"), (2, "python train.py --seed 22"), (3, "python eval.py"))
    )
    assert class_of(one) == class_of(same) != class_of(other)
