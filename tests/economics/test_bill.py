"""The bill: windows, keys, and idle as the exact difference."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tauon.economics.bill import bill
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.money import HOUR_US, Rates
from tauon.model.resources import Resources
from tauon.model.usage import UsageRecord

RATES = Rates(accelerator_micro_usd=2_000_000, cpu_micro_usd=30_000, memory_gib_micro_usd=4_000)
WHOLE = Resources(accelerator_milli=8_000, cpu_milli=64_000, memory_mib=512 * 1024)


def a_record(
    job: str | None = None, *, queue: str = "default", gpus: int = 8, hours: tuple[float, float] = (0, 1)
) -> UsageRecord:
    from_us, to_us = (round(hour * HOUR_US) for hour in hours)
    return UsageRecord(
        node=NodeId("n1"),
        pool=PoolName("lab"),
        accelerator="H100",
        job=JobId(job) if job else None,
        attempt=AttemptId(f"{job}-1") if job else None,
        queue=QueueName(queue) if job else None,
        user="ada" if job else "",
        resources=Resources(accelerator_milli=gpus * 1000) if job else WHOLE,
        rates=RATES,
        from_us=from_us,
        to_us=to_us,
    )


def by_queue(record: UsageRecord) -> str:
    return record.queue or ""


def test_lines_by_key_and_what_was_idle() -> None:
    records = [
        a_record(hours=(0, 2)),
        a_record("j1", queue="research", gpus=8),
        a_record("j2", queue="product", gpus=2, hours=(1, 2)),
        a_record("j3", queue="research", gpus=4, hours=(1, 1.5)),
    ]
    summed = bill(records, from_us=0, to_us=2 * HOUR_US, key=by_queue)
    assert {key: line.accelerator_hours for key, line in summed.lines.items()} == {"research": 10, "product": 2}
    assert summed.work.accelerator_hours == 12
    assert summed.idle_accelerator_hours == 4
    assert str(summed.lines["research"].cost) == "$20.00"
    assert summed.capacity.cpu_hours == 128
    assert summed.capacity.memory_gib_hours == 1024
    assert str(summed.capacity.cost) == "$39.94"
    assert summed.idle == summed.capacity.cost - summed.work.cost


def test_only_what_lies_in_the_window_counts() -> None:
    records = [a_record(hours=(0, 4)), a_record("j1", hours=(1, 3))]
    summed = bill(records, from_us=2 * HOUR_US, to_us=5 * HOUR_US, key=by_queue)
    assert summed.work.accelerator_hours == 8
    assert summed.capacity.accelerator_hours == 16
    nothing = bill(records, from_us=3 * HOUR_US, to_us=3 * HOUR_US, key=by_queue)
    assert not nothing.capacity.cost
    assert not nothing.idle


hours = st.integers(0, 40).map(lambda quarter: quarter / 4)
records = st.lists(
    st.builds(
        lambda job, gpus, a, b: a_record(job, gpus=gpus, hours=(min(a, b), max(a, b))),
        st.sampled_from([None, "j1", "j2"]),
        st.integers(0, 8),
        hours,
        hours,
    ),
    max_size=10,
)


@given(records, st.lists(hours, min_size=1, max_size=5).map(sorted))
def test_windows_that_touch_add_up_to_the_whole(found: list[UsageRecord], cuts: list[float]) -> None:
    edges = [0, *(round(cut * HOUR_US) for cut in cuts), 11 * HOUR_US]
    whole = bill(found, from_us=0, to_us=11 * HOUR_US, key=by_queue)
    parts = [bill(found, from_us=a, to_us=b, key=by_queue) for a, b in pairwise(edges)]
    assert sum(part.work.cost.atoms for part in parts) == whole.work.cost.atoms
    assert sum(part.idle.atoms for part in parts) == whole.idle.atoms
    assert sum(part.work.accelerator_milli_us for part in parts) == whole.work.accelerator_milli_us
    assert sum(line.cost.atoms for line in whole.lines.values()) == whole.work.cost.atoms
