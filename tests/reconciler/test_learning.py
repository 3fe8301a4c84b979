"""The loop learns from its own journal how long jobs take, tells the planner, and remembers it after a restart."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tauon.forecast.experience import FEWEST_JOBS
from tauon.main import recall
from tauon.main.recall import Recall, recalled
from tauon.model.event import JobSubmitted
from tauon.ports.providers import Ending, Phase
from tauon.reconciler import ledger
from tauon.reconciler.cycle import take_snapshot
from tests.builders import SECOND_US, a_job
from tests.reconciler.engine import Yard


async def a_yard_with_a_past(jobs: int = FEWEST_JOBS) -> Yard:
    """In which so many jobs have run for ten minutes each."""
    yard = Yard()
    for _ in range(jobs):
        job = await yard.running()
        yard.wait(600)
        assert job.attempt is not None
        yard.engine.tell(job.attempt, Phase.ENDED, Ending.EXITED, 0)
        await yard.cycle()
    await yard.cycle()
    return yard


def test_the_planner_is_told_how_long_jobs_still_run() -> None:
    async def play() -> None:
        yard = await a_yard_with_a_past(FEWEST_JOBS - 1)
        job = yard.submit()
        assert take_snapshot(yard.site).outlook.remaining_us(job, 0) is None
        yard = await a_yard_with_a_past(30)
        found = take_snapshot(yard.site).outlook.remaining_us(job, 0)
        assert found == pytest.approx(600 * SECOND_US, rel=0.3)

    asyncio.run(play())


def test_after_a_restart_it_is_learnt_again_while_work_goes_on() -> None:
    async def play() -> None:
        yard = await a_yard_with_a_past()
        before = yard.site.experience
        job = await yard.running()
        yard.site = yard.a_site()
        await yard.cycle()
        assert yard.site.experience.run_times.jobs == 0
        recalling = Recall(yard.site, yard.store)
        yard.wait(600)
        assert job.attempt is not None
        yard.engine.tell(job.attempt, Phase.ENDED, Ending.EXITED, 0)
        await yard.cycle()
        await recalling.done
        await yard.cycle()
        assert yard.site.experience.run_times.jobs == before.run_times.jobs + 1
        assert take_snapshot(yard.site).outlook is yard.site.experience

    asyncio.run(play())


def test_what_was_placed_before_all_that_is_read_again_is_learnt_from_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "RECALLED_EVENTS", 10)

    async def play() -> None:
        yard = Yard()
        old = await yard.running()
        for _ in range(FEWEST_JOBS):
            job = await yard.running()
            assert job.attempt is not None
            yard.engine.tell(job.attempt, Phase.ENDED, Ending.EXITED, 0)
            await yard.cycle()
        yard.site = yard.a_site()
        await yard.cycle()
        await recall.Recall(yard.site, yard.store).done
        learnt = yard.site.experience.run_times.jobs
        assert learnt < FEWEST_JOBS
        yard.wait(600)
        assert old.attempt is not None
        yard.engine.tell(old.attempt, Phase.ENDED, Ending.EXITED, 0)
        await yard.cycle()
        await yard.cycle()
        assert yard.site.experience.run_times.jobs == learnt + 1

    asyncio.run(play())


def test_a_recall_that_is_given_up_changes_nothing() -> None:
    async def play() -> None:
        yard = await a_yard_with_a_past()
        yard.site = yard.a_site()
        closing = threading.Event()
        closing.set()
        assert recalled(yard.store, yard.cluster.seq, closing).run_times.jobs == 0
        recalling = Recall(yard.site, yard.store)
        await recalling.give_up()
        assert yard.site.experience.run_times.jobs == 0

    asyncio.run(play())


def test_more_events_than_are_kept_are_passed_over_and_what_runs_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger, "KEPT", 20)

    async def play() -> None:
        yard = await a_yard_with_a_past()
        learnt = yard.site.experience.run_times.jobs
        job = await yard.running()
        for number in range(yard.cluster.jobs_submitted + 1, yard.cluster.jobs_submitted + 60):
            yard.journal.append([JobSubmitted(job=a_job(number))])
        await yard.cycle()
        yard.wait(600)
        assert job.attempt is not None
        yard.engine.tell(job.attempt, Phase.ENDED, Ending.EXITED, 0)
        await yard.cycle()
        await yard.cycle()
        assert yard.site.experience.run_times.jobs == learnt + 1

    asyncio.run(play())
