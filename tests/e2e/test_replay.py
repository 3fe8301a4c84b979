"""A server's own past is played again beside it: the answer comes back whole, and so does whatever is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tauon.main.replay import OwnPast
from tauon.model.changes import Changes
from tauon.model.errors import Conflict, InvalidRequest
from tauon.model.event import Fact, JobSucceeded
from tauon.ports.what_if import Question
from tauon.store.sql_store import SqlStore
from tests.builders import SECOND_US, a_house, a_job, a_run, an_attempt, an_end, events_of

ASKED = Question(source="", policies=("tauon", "fifo"))


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A journal of three jobs, a hundred seconds apart, each of which ran for a few."""
    facts: list[Fact] = [*a_house()]
    for number in (1, 2, 3):
        job = a_job(number, submitted_at_us=1_767_225_600_000_000 + number * 100 * SECOND_US)
        attempt = an_attempt(job)
        facts += [*a_run(job, attempt), an_end(attempt), JobSucceeded(job_id=job.id)]
    path = str(tmp_path / "tauon.db")
    store = SqlStore(path)
    store.open()
    try:
        store.write(events_of(facts, step_us=20 * SECOND_US), Changes())
    finally:
        store.close()
    return path


@pytest.mark.anyio
async def test_a_past_is_played_under_each_policy(database: str) -> None:
    found = await OwnPast(database).play(ASKED)
    assert found.jobs == 3
    assert [(one.policy, one.score.succeeded) for one in found.outcomes] == [("tauon", 3), ("fifo", 3)]


@pytest.mark.anyio
async def test_the_last_part_of_it_alone(database: str) -> None:
    found = await OwnPast(database).play(Question(source="", last_s=150.0))
    assert 0 < found.jobs < 3


@pytest.mark.anyio
async def test_what_is_wrong_is_said_as_everywhere(database: str) -> None:
    with pytest.raises(InvalidRequest, match="there is no policy 'wishful'"):
        await OwnPast(database).play(Question(source="", policies=("wishful",)))
    with pytest.raises(InvalidRequest, match="nothing to play again"):
        await OwnPast(database).play(Question(source="", last_s=0.001))


@pytest.mark.anyio
async def test_one_at_a_time(database: str) -> None:
    past = OwnPast(database)
    first = asyncio.create_task(past.play(ASKED))
    await asyncio.sleep(0)
    with pytest.raises(Conflict, match="another what-if"):
        await past.play(ASKED)
    assert (await first).jobs == 3
    assert (await past.play(ASKED)).jobs == 3
