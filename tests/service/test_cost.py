"""The bill as it is asked for: keys, conditions, splits and windows, and what is wrong with them said in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tauon.economics.cost import Split
from tauon.economics.folded import FoldedLedger
from tauon.model.errors import InvalidRequest
from tauon.model.event import JobSucceeded
from tauon.model.money import HOUR_US
from tauon.service.control_plane import CostQuery
from tauon.service.cost import cost_report
from tauon.service.views import CostReport
from tests.builders import START_US, a_cluster, a_house, a_job, a_run, an_attempt, an_end, events_of

pytestmark = pytest.mark.anyio

NOW_US = START_US + 30 * HOUR_US


def a_story() -> FoldedLedger:
    """One node; ten jobs of one GPU one after another, an hour each."""
    facts = a_house()
    for number in range(1, 11):
        job = a_job(number, gpus=1, queue=f"q{number % 2}", labels={"team": f"t{number % 3}"})
        attempt = an_attempt(job)
        facts += [*a_run(job, attempt), an_end(attempt), JobSucceeded(job_id=job.id)]
    events = events_of(facts, step_us=HOUR_US // 2)
    return FoldedLedger(lambda after: events[after:])


async def ask(**fields: Any) -> CostReport:
    return await cost_report(a_story(), a_cluster(*a_house()), CostQuery(**fields), NOW_US)


async def test_a_bill_by_each_key_has_the_same_total() -> None:
    keys = ["queue", "user", "job", "label:team", "pool", "provider", "region", "capacity-type", "accelerator", "node"]
    totals = {key: (await ask(by=key)).total_usd for key in keys}
    assert len(set(totals.values())) == 1
    assert all(totals.values())


async def test_lines_beyond_the_limit_are_one() -> None:
    report = await ask(by="job", limit=3, split=Split.UNIFORM)
    assert [line.key for line in report.lines][-1] == "(others)"
    assert (len(report.lines), report.others) == (4, 7)
    assert sum(line.cost_usd for line in report.lines) == pytest.approx(report.total_usd)
    assert report.lines[-1].idle_usd == pytest.approx(report.idle_usd * 7 / 10)


async def test_conditions_keep_what_has_them_all() -> None:
    report = await ask(by="job", where=("queue=q1", "label:team=t1"))
    assert sorted(line.key for line in report.lines) == ["j1", "j7"]
    assert report.idle_usd == 0


async def test_weights_are_those_of_the_queues() -> None:
    report = await ask(by="queue", split=Split.WEIGHT)
    assert report.unallocated_usd == 0
    assert {line.idle_usd for line in report.lines} == {report.idle_usd / 2}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"by": "team"}, "grouped by queue, user, job, pool"),
        ({"by": "label:"}, "grouped by"),
        ({"where": ("pool",)}, "write KEY=VALUE"),
        ({"where": ("team=a",)}, "write KEY=VALUE"),
        ({"by": "user", "split": Split.WEIGHT}, "only queues have weights"),
        ({"by": "pool", "split": Split.USE}, "stand where they arose"),
        ({"by": "user", "split": Split.USE, "where": ("queue=q1",)}, "idle time has no queue"),
        ({"from_us": NOW_US + 1}, "ends before it begins"),
    ],
)
async def test_what_means_nothing_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        await ask(**fields)
