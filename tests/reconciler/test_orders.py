"""Orders and news: given once, repeated when it is not known whether they arrived, taken back, refused, overtaken."""

from __future__ import annotations

import pytest

from tauon.model.attempt import AttemptState, Outcome
from tauon.model.errors import NotReady, OutOfCapacity, Rejected
from tauon.model.event import AttemptEnded, JobCancelRequested
from tauon.model.ids import AttemptId
from tauon.model.job import CheckpointPolicy, JobState
from tauon.ports.providers import Ending, Phase
from tests.reconciler.engine import Yard

pytestmark = pytest.mark.anyio
A1 = AttemptId("j1-1")
NO_REPLY = NotReady("no reply", retry_after_s=5.0)


def outcomes(yard: Yard) -> list[Outcome]:
    return [e.fact.outcome for e in yard.events() if isinstance(e.fact, AttemptEnded)]


async def test_an_order_is_given_once() -> None:
    yard = Yard()
    yard.submit(gpus=8)
    for _ in range(3):
        await yard.cycle()
        yard.wait(60)
    assert yard.engine.starts == [A1]


async def test_an_order_that_was_taken_though_the_reply_was_lost_is_not_repeated() -> None:
    yard = Yard()
    yard.submit(gpus=8)
    yard.engine.breaks = NO_REPLY
    await yard.cycle()
    assert yard.pool.closed
    assert yard.due_s() == 2
    yard.engine.breaks = None
    yard.wait(2)
    await yard.cycle()
    assert yard.engine.starts == [A1]
    assert not yard.pool.closed


async def test_an_order_that_never_arrived_is_repeated() -> None:
    yard = Yard()
    yard.submit(gpus=8)
    yard.engine.breaks, yard.engine.takes_nothing = NO_REPLY, True
    await yard.cycle()
    yard.engine.breaks, yard.engine.takes_nothing = None, False
    yard.wait(2)
    await yard.cycle()
    assert yard.engine.starts == [A1, A1]
    assert A1 in yard.engine.attempts


async def test_an_order_that_an_engine_took_and_forgot_is_repeated_at_the_next_full_look() -> None:
    yard = Yard()
    yard.submit(gpus=8)
    await yard.cycle()
    yard.engine.attempts.clear()
    yard.wait(30)
    await yard.cycle()
    assert yard.engine.starts == [A1, A1]


async def test_after_a_restart_every_order_not_seen_to_be_obeyed_is_owed() -> None:
    yard = Yard()
    yard.submit(gpus=4)
    yard.engine.takes_nothing = True
    await yard.cycle()
    await yard.running(gpus=4)
    yard.engine.takes_nothing = False
    yard.engine.starts.clear()
    yard.site = yard.a_site()
    await yard.cycle()
    assert yard.engine.starts == [A1]


async def test_what_is_not_ready_is_asked_again_after_its_time() -> None:
    yard = Yard()
    yard.submit(gpus=8)
    yard.engine.refusals[A1] = NotReady("booting", retry_after_s=20.0)
    await yard.cycle()
    assert yard.due_s() == 20
    yard.wait(10)
    await yard.cycle()
    assert yard.engine.starts == [A1]
    del yard.engine.refusals[A1]
    yard.wait(10)
    await yard.cycle()
    assert yard.engine.starts == [A1, A1]
    assert yard.cluster.attempts[A1].state is AttemptState.STARTING


@pytest.mark.parametrize("error", [Rejected("no such image"), OutOfCapacity("sold out", until_us=0)])
async def test_what_is_refused_fails_to_start_and_the_next_cycle_is_due_at_once(error: Exception) -> None:
    yard = Yard()
    job = yard.submit(gpus=8)
    yard.engine.refusals[A1] = error  # type: ignore[assignment]
    await yard.cycle()
    assert outcomes(yard) == [Outcome.START_FAILED]
    assert yard.cluster.jobs[job.id].state is JobState.QUEUED
    assert yard.due_s() == 0, "the plan was made before it was refused"
    await yard.cycle()
    assert yard.due_s() == 1, "when its wait is over"
    yard.wait(1)
    await yard.cycle()
    assert yard.engine.starts == [A1, "j1-2"]


async def test_a_missing_secret_is_a_failed_start() -> None:
    yard = Yard()
    job = yard.submit(gpus=1, document='{"run":"true","secrets":["TOKEN"]}')
    await yard.cycle()
    assert yard.engine.starts == []
    assert "TOKEN" in yard.cluster.jobs[job.id].message


async def test_an_order_to_stop_says_what_the_job_asked_for() -> None:
    yard = Yard()
    await yard.running(gpus=8, checkpoint=CheckpointPolicy(signal="SIGUSR1", notice_s=12.0))
    yard.submit(gpus=8, priority=1)
    await yard.cycle()
    (stop,) = yard.engine.stops
    assert (stop.attempt, stop.signal, stop.notice_s, stop.requested_at_us) == (
        A1,
        "SIGUSR1",
        12.0,
        yard.clock.now_us(),
    )


async def test_an_order_to_stop_that_is_refused_is_repeated_in_a_second() -> None:
    yard = Yard()
    job = await yard.running(gpus=8)
    yard.journal.append([JobCancelRequested(job_id=job.id, by="ada")])
    yard.engine.stop_refusals[A1] = NO_REPLY
    await yard.cycle()
    assert yard.due_s() == 1
    del yard.engine.stop_refusals[A1]
    yard.wait(1)
    await yard.cycle()
    assert [stop.attempt for stop in yard.engine.stops] == [A1, A1]
    assert not yard.pool.stops


async def test_an_order_to_stop_is_repeated_at_full_looks_until_it_is_obeyed() -> None:
    yard = Yard()
    job = await yard.running(gpus=8)
    yard.journal.append([JobCancelRequested(job_id=job.id, by="ada")])
    for _ in range(3):
        await yard.cycle()
        yard.wait(30)
    assert [stop.attempt for stop in yard.engine.stops] == [A1] * 3
    assert len({stop.requested_at_us for stop in yard.engine.stops}) == 1, "a repeated order never prolongs the notice"
    yard.engine.tell(A1, Phase.ENDED, Ending.EXITED, -15)
    await yard.cycle()
    assert outcomes(yard) == [Outcome.CANCELLED]


async def test_what_is_cancelled_before_it_arrived_ends_without_ever_starting() -> None:
    yard = Yard()
    job = yard.submit(gpus=8)
    yard.engine.refusals[A1] = NotReady("booting", retry_after_s=600.0)
    await yard.cycle()
    yard.journal.append([JobCancelRequested(job_id=job.id, by="ada")])
    await yard.cycle()
    assert yard.due_s() <= 0, "only a full look can tell that it never arrived"
    await yard.cycle()
    assert yard.store.count_jobs() == {JobState.CANCELLED: 1}
    assert yard.engine.starts == [A1]


async def test_what_an_engine_took_is_not_looked_for_when_it_is_stopped() -> None:
    yard = Yard()
    job = yard.submit(gpus=8)
    await yard.cycle()
    yard.journal.append([JobCancelRequested(job_id=job.id, by="ada")])
    await yard.cycle()
    assert yard.due_s() > 1, "no look after look while it comes to its end"


async def test_what_runs_and_nobody_ordered_is_stopped() -> None:
    yard = Yard()
    yard.engine.tell("j77-1", Phase.RUNNING)
    await yard.cycle()
    assert [(stop.attempt, stop.notice_s) for stop in yard.engine.stops] == [("j77-1", 0.0)]
    yard.engine.tell("j77-1", Phase.ENDED, Ending.EXITED, -9)
    await yard.cycle()
    assert yard.engine.forgotten == ["j77-1"]


async def test_what_vanished_while_it_ran_is_lost() -> None:
    yard = Yard()
    job = await yard.running(gpus=8)
    yard.engine.attempts.clear()
    await yard.cycle()
    assert outcomes(yard) == [], "no news is no proof"
    yard.wait(30)
    await yard.cycle()
    assert outcomes(yard) == [Outcome.LOST]
    assert yard.cluster.jobs[job.id].retries_used.lost == 1


async def test_what_a_silent_engine_runs_is_not_taken_for_lost() -> None:
    yard = Yard()
    await yard.running(gpus=4)
    yard.engine.silent = NO_REPLY
    yard.submit(gpus=4)
    for _ in range(5):
        yard.wait(30)
        plan = await yard.cycle()
        assert yard.due_s() == 2
        assert [why.message for why in plan.waiting.values()] == [
            "pool lab, which could hold it, does not answer: no reply"
        ]
    assert outcomes(yard) == []
    assert len(yard.logged) == 1
    yard.engine.silent = None
    yard.wait(2)
    await yard.cycle()
    assert yard.engine.starts == [A1, "j2-1"]


async def test_doubled_and_overtaken_news_do_no_harm() -> None:
    yard = Yard()
    await yard.running(gpus=8)
    yard.engine.tell(A1, Phase.RUNNING)
    yard.engine.tell(A1, Phase.ENDED, Ending.EXITED, 0)
    yard.engine.tell(A1, Phase.ENDED, Ending.EXITED, 0)
    yard.engine.tell(A1, Phase.RUNNING)
    await yard.cycle()
    await yard.cycle()
    assert outcomes(yard) == [Outcome.SUCCEEDED]
    assert yard.store.count_jobs() == {JobState.SUCCEEDED: 1}


async def test_an_end_is_let_go_of_only_when_it_is_in_the_journal() -> None:
    yard = Yard()
    await yard.running(gpus=8)
    yard.engine.tell(A1, Phase.ENDED, Ending.EXITED, 0)
    await yard.cycle()
    assert yard.engine.forgotten == [A1]
    assert not yard.pool.forgets


async def test_a_refused_order_is_let_go_of_a_cycle_later() -> None:
    yard = Yard()
    yard.submit(gpus=8)
    yard.engine.refusals[A1] = Rejected("no such image")
    await yard.cycle()
    assert yard.engine.forgotten == [], "its end is not in the journal before the next cycle waited for it"
    await yard.cycle()
    assert yard.engine.forgotten == [A1]


async def test_a_start_that_failed_by_itself_says_why() -> None:
    yard = Yard()
    job = yard.submit(gpus=8)
    await yard.cycle()
    yard.engine.tell(A1, Phase.ENDED, Ending.NOT_STARTED, message="the image could not be pulled")
    await yard.cycle()
    assert outcomes(yard) == [Outcome.START_FAILED]
    assert "the image could not be pulled" in yard.cluster.jobs[job.id].message


async def test_what_ran_and_was_over_between_two_looks_has_its_story_told_whole() -> None:
    yard = Yard()
    yard.submit(gpus=8)
    await yard.cycle()
    yard.engine.tell(A1, Phase.ENDED, Ending.EXITED, 0)
    await yard.cycle()
    types = [event.type for event in yard.events()]
    assert types[-3:] == ["AttemptRunning", "AttemptEnded", "JobSucceeded"]
