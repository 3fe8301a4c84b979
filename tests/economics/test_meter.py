"""The meter: what the journal says was held is charged, once, to whom it belongs, whatever the order of bad luck."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tauon.economics.cost import Split, cost, parts
from tauon.economics.folded import FoldedLedger, dearest
from tauon.economics.meter import Meter, State
from tauon.model.attempt import Attempt, Outcome
from tauon.model.errors import InvariantViolated
from tauon.model.event import (
    AttemptEnded,
    Event,
    Fact,
    JobRequeued,
    JobSucceeded,
    NodeLost,
    NodeReady,
    NodeTerminated,
    PoolConfigured,
)
from tauon.model.job import Job, RetriesUsed
from tauon.model.ledger import EntryKind
from tauon.model.money import HOUR_US, Rates
from tauon.model.resources import CapacityType
from tauon.ports.ledger import Group, Window
from tests.builders import H100_RATES, START_US, a_house, a_job, a_node, a_pool, a_run, an_attempt, an_end

EVER = Window(from_us=0, to_us=2**62)


def at(hours: float, *facts: Fact) -> list[tuple[float, Fact]]:
    return [(hours, fact) for fact in facts]


def journal(timed: Iterable[tuple[float, Fact]]) -> list[Event]:
    return [Event(seq=i, at_us=START_US + round(h * HOUR_US), fact=fact) for i, (h, fact) in enumerate(timed, start=1)]


def ledger_of(events: Sequence[Event]) -> FoldedLedger:
    ledger = FoldedLedger(lambda after: events[after : after + 3])
    ledger.catch_up()
    return ledger


def a_window(begin_h: float, end_h: float) -> Window:
    return Window(from_us=START_US + round(begin_h * HOUR_US), to_us=START_US + round(end_h * HOUR_US))


def usd(ledger: FoldedLedger, by: str, window: Window) -> dict[str, str]:
    return {line.key: str(line.total) for line in cost(ledger.sums(by, {}, window), by=by, split=Split.NONE).lines}


def running(hours: float, job: Job, attempt: Attempt) -> list[tuple[float, Fact]]:
    return at(hours, *a_run(job, attempt))


def done(hours: float, attempt: Attempt) -> list[tuple[float, Fact]]:
    return at(hours, an_end(attempt), JobSucceeded(job_id=attempt.job))


JOB = a_job(1, gpus=4)
FIRST = an_attempt(JOB)


def a_day() -> list[tuple[float, Fact]]:
    """A node of 8 for ten hours; a job holds half of it from the second to the fourth."""
    return [
        *at(0, *a_house()),
        *running(2, JOB, FIRST),
        *done(4, FIRST),
        *at(10, NodeTerminated(node_id=a_node().id)),
    ]


def test_work_and_idle_add_up_to_what_the_nodes_cost() -> None:
    ledger = ledger_of(journal(a_day()))
    found = cost(ledger.sums("queue", {}, EVER), by="queue", split=Split.NONE)
    assert [(line.key, line.accelerator_hours) for line in found.lines] == [("default", 8)]
    assert str(found.work) == "$16.07"  # 2 h of 4 H100 at $2, 1 core at $0.03, 1 GiB at $0.004
    assert str(found.total) == "$199.68"
    assert found.work + found.idle == found.total
    assert found.unallocated == found.idle


def test_a_window_takes_its_part_and_windows_add_up() -> None:
    ledger = ledger_of(journal(a_day()))
    assert usd(ledger, "job", a_window(3, 5)) == {"j1": "$8.03"}
    whole = cost(ledger.sums("user", {}, EVER), by="user", split=Split.NONE).total
    edges = [0, 1.1, 2.000_001, 3.3, 10]
    cut = [cost(ledger.sums("user", {}, a_window(*w)), by="user", split=Split.NONE).total for w in pairwise(edges)]
    assert sum(money.atoms for money in cut) == whole.atoms


def test_an_event_that_comes_twice_is_counted_once() -> None:
    events = journal(a_day())
    meter = Meter()
    for event in [*events[:6], *events[2:6], *events]:
        meter.apply(event)
    once = Meter()
    for event in events:
        once.apply(event)
    assert meter.take() == once.take()


def test_an_event_that_comes_too_early_is_refused() -> None:
    events = journal(a_day())
    meter = Meter()
    meter.apply(events[0])
    with pytest.raises(InvariantViolated, match="event 3: it has seen 1"):
        meter.apply(events[2])


def test_a_clock_that_is_set_back_charges_nothing_twice() -> None:
    story = [
        *at(0, *a_house()),
        *running(2, JOB, FIRST),
        *at(1, *a_run(a_job(2), an_attempt(a_job(2), first=4))),  # the clock was set back by an hour
        *done(1.5, FIRST),
        *at(3, NodeTerminated(node_id=a_node().id)),
    ]
    story = [*story[:-1], *done(3, an_attempt(a_job(2), first=4)), story[-1]]
    ledger = ledger_of(journal(story))
    found = cost(ledger.sums("job", {}, EVER), by="job", split=Split.NONE)
    assert {line.key: line.accelerator_hours for line in found.lines} == {"j2": 1}
    assert found.idle.atoms >= 0
    assert found.asset_accelerator_hours == 24


def test_a_price_that_changes_within_the_hour_holds_from_then_on() -> None:
    dearer = Rates(accelerator_micro_usd=4_000_000)
    story = [
        *at(0, *a_house()),
        *running(0, JOB, FIRST),
        *at(0.25, NodeReady(node=a_node(rates=dearer))),
        *done(1, FIRST),
    ]
    ledger = ledger_of(journal(story))
    found = cost(ledger.sums("job", {}, a_window(0, 1)), by="job", split=Split.NONE)
    before = (4 * 2 + 0.03 + 0.004) * 0.25
    assert float(found.work.usd) == pytest.approx(before + 4 * 4 * 0.75, abs=1e-6)
    assert found.work + found.idle == found.total


def test_a_job_that_moved_five_times_pays_for_each_place() -> None:
    nodes = [a_node(f"n{i}", region=f"r{i}", capacity_type=CapacityType.SPOT) for i in range(1, 7)]
    story = at(0, PoolConfigured(pool=a_pool()), *(NodeReady(node=node) for node in nodes))
    job = JOB
    for number in range(1, 7):
        attempt = an_attempt(job, nodes=(f"n{number}",), number=number)
        facts = a_run(job, attempt)
        story += at(number, *(facts if number == 1 else facts[1:]))
        story += at(number + 0.5, an_end(attempt, outcome=Outcome.PREEMPTED))
        if number < 6:
            requeued = JobRequeued(job_id=job.id, not_before_us=0, retries_used=RetriesUsed(), reason="moved")
            story += at(number + 0.5, requeued)
    story += at(7, JobSucceeded(job_id=job.id))
    ledger = ledger_of(journal(story))
    by_region = cost(ledger.sums("region", {"job": "j1"}, EVER), by="region", split=Split.NONE)
    assert {line.key: line.accelerator_hours for line in by_region.lines} == {f"r{i}": 2 for i in range(1, 7)}
    assert usd(ledger, "job", EVER) == {"j1": "$24.10"}


def test_a_node_that_never_was_ready_is_nobodys_work() -> None:
    meter = Meter()
    story = [*at(0, *a_house()), *at(1, NodeLost(node_id=a_node("ghost").id, reason="it never came up"))]
    for event in journal(story):
        meter.apply(event)
    assert meter.take() == []
    assert {entry.node for entry in meter.open_entries(START_US + HOUR_US)} == {"n1"}


def test_a_pool_may_cost_something_beside_its_nodes() -> None:
    pool = a_pool(prices_usd_per_h={"H100": "2", "overhead": "0.10"})
    story = [*at(0, PoolConfigured(pool=pool), NodeReady(node=a_node())), *running(0, JOB, FIRST), *done(10, FIRST)]
    ledger = ledger_of(journal(story))
    found = cost(ledger.sums("queue", {}, a_window(0, 10)), by="queue", split=Split.USE)
    assert str(found.overhead) == "$1.00"
    assert str(found.lines[0].overhead) == "$1.00"
    assert found.lines[0].total == found.total
    assert not found.unallocated
    by_pool = cost(ledger.sums("pool", {}, a_window(0, 10)), by="pool", split=Split.NONE)
    assert by_pool.lines[0].total == found.total


def test_the_fold_can_be_put_down_and_taken_up_at_any_event() -> None:
    events = journal(a_day())
    whole = Meter()
    for event in events:
        whole.apply(event)
    expected = whole.take()
    for stop in range(len(events)):
        first = Meter()
        for event in events[:stop]:
            first.apply(event)
        entries = first.take()
        kept = msgspec.json.encode(first.state)
        second = Meter(msgspec.json.decode(kept, type=State))
        for event in events[stop:]:
            second.apply(event)
        assert entries + second.take() == expected


def test_shared_cost_is_split_to_the_last_atom_in_each_way() -> None:
    small, large = a_job(2, gpus=1, queue="research"), a_job(3, gpus=3, queue="product")
    story = [
        *at(0, *a_house()),
        *running(0, small, an_attempt(small)),
        *running(0, large, an_attempt(large, first=1)),
    ]
    ledger = ledger_of(journal(story))
    groups = ledger.sums("queue", {}, a_window(0, 1))
    for split in (Split.UNIFORM, Split.USE, Split.WEIGHT):
        found = cost(groups, by="queue", split=split, weights={"research": 3, "product": 1})
        assert sum(line.total.atoms for line in found.lines) == found.total.atoms
        idle = {line.key: line.idle.atoms / found.idle.atoms for line in found.lines}
        work = {line.key: line.work.atoms / found.work.atoms for line in found.lines}
        expected = {Split.UNIFORM: 0.5, Split.USE: work["research"], Split.WEIGHT: 0.75}[split]
        assert idle["research"] == pytest.approx(expected)


@given(st.integers(0, 10**30), st.dictionaries(st.text(max_size=3), st.integers(0, 10**12), max_size=8))
def test_parts_add_up_and_are_in_proportion(amount: int, shares: dict[str, int]) -> None:
    found = parts(amount, shares)
    total = sum(shares.values())
    assert sum(found.values()) == (amount if total else 0)
    assert all(abs(found[key] * total - amount * share) < total for key, share in shares.items() if total)


def test_the_dearest_groups_stay_and_the_others_are_one() -> None:
    groups = [Group(kind=EntryKind.WORK, key=f"j{i}", atoms=i) for i in range(10)]
    kept = dearest(groups, 3)
    assert [(group.key, group.atoms, group.keys) for group in kept] == [
        ("j9", 9, 1),
        ("j8", 8, 1),
        ("j7", 7, 1),
        ("(others)", 21, 7),
    ]


def test_prices_are_those_of_the_shape() -> None:
    entry = next(iter(ledger_of(journal(a_day())).entries({"job": "j1"}, EVER)))
    assert entry.accelerator_micro_usd == H100_RATES.accelerator_micro_usd
    assert replace(entry, to_us=entry.from_us).span_us(0, 2**62) == 0


def test_an_attempt_that_outlives_its_node_pays_until_the_node_went() -> None:
    meter = Meter()
    story = [*at(0, *a_house()), *running(0, JOB, FIRST), *at(1, NodeLost(node_id=a_node().id, reason="power"))]
    story += at(2, AttemptEnded(attempt_id=FIRST.id, outcome=Outcome.LOST), JobSucceeded(job_id=JOB.id))
    for event in journal(story):
        meter.apply(event)
    spans = {(e.kind.value, (e.to_us - e.from_us) / HOUR_US) for e in meter.take()}
    assert spans == {("work", 1.0), ("asset", 1.0)}
