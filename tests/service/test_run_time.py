"""How long a job still runs is told for those that have not ended, from the time that they have run on."""

import pytest

from tauon.forecast.experience import FEWEST_JOBS, Experience
from tauon.forecast.job_class import class_of
from tauon.model.cluster import Cluster
from tauon.model.job import JobState
from tauon.service.run_time import run_time
from tests.builders import SECOND_US, START_US, a_job
from tests.planner.board import Board


def an_experience(seconds: float, jobs: int = 40) -> Experience:
    experience = Experience()
    for _ in range(jobs):
        experience.run_times.finished(class_of(a_job()), seconds)
    return experience


def test_where_too_little_is_known_nothing_is_told() -> None:
    assert run_time(a_job(), Cluster(), an_experience(60.0, FEWEST_JOBS - 1), START_US) is None


def test_of_a_job_that_has_ended_nothing_is_foretold() -> None:
    assert run_time(a_job(state=JobState.SUCCEEDED), Cluster(), an_experience(60.0), START_US) is None


def test_a_job_that_waits_is_told_how_long_it_will_run_and_one_that_runs_how_long_still() -> None:
    board, experience = Board(), an_experience(3_600.0)
    waiting = run_time(board.submit(), board.cluster, experience, board.now_us)
    job = board.running()
    began = run_time(job, board.cluster, experience, board.now_us)
    later = run_time(job, board.cluster, experience, board.now_us + 3_000 * SECOND_US)
    assert waiting is not None
    assert began is not None
    assert later is not None
    assert waiting.middle_s == began.middle_s == pytest.approx(3_600.0, rel=0.2)
    assert later.middle_s < began.middle_s / 2
    assert (waiting.jobs, waiting.error_ratio, waiting.coverage, waiting.skill) == (40, None, None, None)
