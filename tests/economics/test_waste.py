"""Waste: each kind shows in its own samples and in no others, and what is not known for long enough is not told."""

from __future__ import annotations

from typing import Any

import pytest

from tauon.economics.waste import ADVICE, HOARD_US, IDLE_US, MINUTE_US, Finding, Sample, Waste, Watch, holders
from tauon.model.ids import AttemptId, NodeId
from tauon.ports.providers import AcceleratorUse, ProcessUse
from tauon.service.waste import samples, waste_views
from tests.builders import START_US, a_cluster, a_house, a_job, a_run, an_attempt

BUSY: dict[str, Any] = {
    "utilisation_pct": 95.0,
    "memory_used_mib": 60_000,
    "sm_active_pct": 85.0,
    "processes": 1,
    "cpu_share": 0.5,
}
SIGNS: dict[Waste, dict[str, Any]] = {
    Waste.NO_PROCESS: {"utilisation_pct": 0.0, "memory_used_mib": 3, "sm_active_pct": 0.0, "processes": 0},
    Waste.IDLE: {"utilisation_pct": 0.4, "sm_active_pct": 0.0},
    Waste.HOARDED: {"utilisation_pct": 30.0, "sm_active_pct": 2.0},
    Waste.SMALL_KERNELS: {"utilisation_pct": 99.0, "sm_active_pct": 12.0},
    Waste.STARVED: {"utilisation_pct": 40.0, "sm_active_pct": 35.0, "cpu_share": 0.99},
}


def a_sample(minute: int, *, node: str = "n1", index: int = 0, attempt: str = "j1-1", **fields: Any) -> Sample:
    values = BUSY | fields
    return Sample(
        at_us=START_US + minute * MINUTE_US, node=NodeId(node), index=index, attempt=AttemptId(attempt), **values
    )


def watched(minutes: int, **fields: Any) -> Watch:
    watch = Watch()
    for minute in range(minutes + 1):
        watch.see([a_sample(minute, **fields)], START_US + minute * MINUTE_US)
    return watch


def kinds(watch: Watch) -> list[Waste]:
    return [finding.waste for finding in watch.findings()]


@pytest.mark.parametrize("waste", Waste)
def test_each_kind_shows_in_its_samples(waste: Waste) -> None:
    minutes = (HOARD_US if waste is Waste.HOARDED else IDLE_US) // MINUTE_US
    assert kinds(watched(minutes - 1, **SIGNS[waste])) == []
    assert kinds(watched(minutes, **SIGNS[waste])) == [waste]
    assert ADVICE[waste]


def test_work_is_no_waste() -> None:
    assert kinds(watched(34)) == []
    unknown = dict.fromkeys(BUSY)
    assert kinds(watched(34, **unknown)) == []


def test_full_utilisation_is_no_proof_of_work() -> None:
    """The classic trap: a spinning collective shows 100 % and computes nothing."""
    assert kinds(watched(20, utilisation_pct=100.0, sm_active_pct=3.0)) == [Waste.SMALL_KERNELS]
    assert kinds(watched(20, utilisation_pct=100.0, sm_active_pct=None)) == []


def test_one_busy_moment_begins_anew() -> None:
    watch = watched(14, **SIGNS[Waste.IDLE])
    watch.see([a_sample(15)], START_US + 15 * MINUTE_US)
    for minute in range(16, 30):
        watch.see([a_sample(minute, **SIGNS[Waste.IDLE])], START_US + minute * MINUTE_US)
    assert kinds(watch) == []


def test_memory_that_moves_is_no_idleness() -> None:
    watch = Watch()
    for minute in range(20):
        fields = SIGNS[Waste.IDLE] | {"memory_used_mib": 1000 + 500 * (minute % 2)}
        watch.see([a_sample(minute, **fields)], START_US + minute * MINUTE_US)
    assert kinds(watch) == []


def test_one_that_changes_hands_begins_anew() -> None:
    watch = watched(14, **SIGNS[Waste.IDLE])
    for minute in range(15, 25):
        watch.see([a_sample(minute, attempt="j2-1", **SIGNS[Waste.IDLE])], START_US + minute * MINUTE_US)
    assert kinds(watch) == []
    watch.see([], START_US + 26 * MINUTE_US)
    watch.see([a_sample(27, attempt="j2-1", **SIGNS[Waste.IDLE])], START_US + 27 * MINUTE_US)
    assert kinds(watch) == []


def test_a_clock_that_stands_or_goes_back_adds_nothing() -> None:
    watch = Watch()
    for _ in range(100):
        watch.see([a_sample(0, **SIGNS[Waste.IDLE])], START_US)
    watch.see([a_sample(-60, **SIGNS[Waste.IDLE])], START_US - 60 * MINUTE_US)
    assert kinds(watch) == []


def test_accelerators_of_an_attempt_are_told_together() -> None:
    watch = Watch()
    for minute in range(20):
        signs = SIGNS[Waste.IDLE]
        round_ = [a_sample(minute, index=i, **(signs if i < 3 else {})) for i in range(4)]
        watch.see(round_, START_US + minute * MINUTE_US)
    (finding,) = watch.findings()
    assert finding.accelerators == (("n1", 0), ("n1", 1), ("n1", 2))
    assert finding.since_us == START_US + 4 * MINUTE_US


def test_who_holds_what() -> None:
    held = {
        AttemptId("j1-1"): ((NodeId("n1"), (0, 1)),),
        AttemptId("j2-1"): ((NodeId("n1"), (1,)), (NodeId("n2"), (0,))),
    }
    assert holders(held) == {("n1", 0): "j1-1", ("n1", 1): "j1-1", ("n2", 0): "j2-1"}


class Measured:
    """A provider of which only samples are asked."""

    def sample(self) -> list[AcceleratorUse]:
        return [AcceleratorUse(node=NodeId("n1"), index=i, utilisation_pct=0.0, processes=0) for i in range(8)]

    def usage(self) -> list[ProcessUse]:
        return [ProcessUse(attempt=AttemptId("j1-1"), cpu_cores=1.0, memory_mib=10)]


def test_only_what_is_held_is_sampled_and_told_with_its_owner_and_cost() -> None:
    job = a_job(gpus=2)
    attempt = an_attempt(job, first=3)
    cluster = a_cluster(*a_house(), *a_run(job, attempt))
    found = list(samples(cluster, {attempt.pool: Measured()}, START_US))  # type: ignore[dict-item]
    assert [(s.index, s.attempt, s.cpu_share) for s in found] == [(3, attempt.id, 1.0), (4, attempt.id, 1.0)]
    places = tuple((s.node, s.index) for s in found)
    finding = Finding(attempt=attempt.id, waste=Waste.NO_PROCESS, accelerators=places, since_us=START_US)
    gone = Finding(attempt=AttemptId("j9-1"), waste=Waste.IDLE, accelerators=places, since_us=START_US)
    (view,) = waste_views([finding, gone], cluster)
    assert (view.job, view.user, view.queue) == ("j1", "ada", "default")
    assert view.accelerators == ["n1/3", "n1/4"]
    assert view.usd_per_day == 2 * 2 * 24


def test_what_is_busy_has_a_process_that_can_t_be_seen() -> None:
    assert kinds(watched(20, processes=0)) == []
