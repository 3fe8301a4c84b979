"""A journal is played again: the same jobs last as long, and wait as the policy of now decides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from tauon.main.past import journal_at
from tauon.model.errors import InvalidRequest
from tauon.model.job import JobState
from tauon.ports.what_if import Question
from tauon.simulator.from_journal import world_of_journal
from tauon.simulator.result import JobTimes, Result
from tauon.simulator.scenario import Scenario
from tauon.simulator.simulation import simulate
from tauon.simulator.what_if import Worlds, read_world
from tauon.store.sql_store import SqlStore
from tests.house.source import ROOT
from tests.simulator.crowds import crowded_world

SAMPLES = ROOT / "examples"
AGAIN = Question(source="tauon.db")


def played(scenario: Scenario) -> Result:
    return asyncio.run(simulate(scenario))


def relative(result: Result) -> list[tuple[JobState, int, int, int]]:
    def of(one: JobTimes) -> tuple[JobState, int, int, int]:
        began, start = result.scenario.start_us, one.started_us or 0
        return one.state, one.submitted_us - began, start - began, (one.ended_us or 0) - began

    return sorted(map(of, result.times()))


def test_a_calm_past_comes_out_as_it_was() -> None:
    world = read_world(Question(source=str(SAMPLES / "traces" / "philly.csv")))
    first = played(world.scenario())
    again = played(world_of_journal(first.events(), AGAIN).scenario())
    assert relative(again) == relative(first)


def test_more_nodes_make_the_past_shorter() -> None:
    world = read_world(Question(source=str(SAMPLES / "traces" / "philly.csv")))
    first = played(world.scenario())
    events = first.events()
    same = Worlds(lambda _: events).play(AGAIN, lambda *_: None).outcomes[0].score
    more = Worlds(lambda _: events).play(replace(AGAIN, nodes=("GPU:8x20",)), lambda *_: None).outcomes[0].score
    assert same.succeeded == more.succeeded == 60
    assert more.queueing_s.average < same.queueing_s.average
    assert more.queueing_s.most == 0.0


@pytest.mark.parametrize("number", range(20))
def test_any_past_can_be_played_again(number: int) -> None:
    events = played(crowded_world(number)).events()
    found = Worlds(lambda _: events).play(AGAIN, lambda *_: None)
    score = found.outcomes[0].score
    assert score.jobs == found.jobs
    assert score.unfinished == 0


def test_a_journal_without_work_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no job in this journal has run"):
        world_of_journal([], AGAIN)


def test_a_file_that_is_no_database_is_left_to_the_others(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no file"):
        Worlds().play(Question(source=str(tmp_path / "none.csv")), lambda *_: None)


def test_the_journal_of_a_home_is_found_and_read_beside_its_server(tmp_path: Path) -> None:
    world = read_world(Question(source=str(SAMPLES / "traces" / "philly.csv")))
    store = SqlStore(tmp_path / "tauon.db")
    store.open()
    try:
        first = asyncio.run(simulate(world.scenario(), store=store))
        for source in (tmp_path, tmp_path / "tauon.db"):
            assert journal_at(str(source)) == first.events()
    finally:
        store.close()
    assert journal_at(str(SAMPLES / "traces" / "philly.csv")) is None
    assert journal_at(str(tmp_path / "none")) is None
