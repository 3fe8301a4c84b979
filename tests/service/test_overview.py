"""The overview adds up, and names what a person should look at."""

from __future__ import annotations

from decimal import Decimal

from tauon.model.cluster import Cluster
from tauon.model.event import JobSubmitted, NodeDraining, NodeReady
from tauon.model.ids import NodeId
from tauon.model.job import Job, JobState
from tauon.model.plan import Plan, WaitCode, WaitReason
from tauon.model.waiting import LineKey
from tauon.service.overview import Moment, overview
from tauon.service.page_views import Overview
from tests.builders import SECOND_US, START_US, a_cluster, a_house, a_job, a_node, a_run, an_attempt

HOUR_US = 3600 * SECOND_US


def seen(cluster: Cluster, *failed: Job, closed: dict[str, str] | None = None, plan: Plan | None = None) -> Overview:
    now = Moment(
        cluster=cluster,
        plan=plan or Plan(seq=cluster.seq, at_us=START_US),
        closed=closed or {},
        now_us=START_US + HOUR_US,
    )
    return overview(now, {JobState.RUNNING: 1}, failed)


def test_all_of_the_capacity_is_somewhere() -> None:
    job, half = a_job(1, gpus=3), a_job(2, gpus=0.5)
    drained = an_attempt(a_job(3, gpus=2), nodes=["n2"])
    cluster = a_cluster(
        *a_house(nodes=2),
        NodeReady(node=a_node("plain", gpus=0)),
        *a_run(job, an_attempt(job)),
        *a_run(half, an_attempt(half, first=3)),
        *a_run(a_job(3, gpus=2), drained),
        NodeDraining(node_id=NodeId("n2"), reason="drained by ada: a fan"),
    )
    found = seen(cluster)
    plain, gpus = found.capacity
    assert (gpus.pool, gpus.accelerator, gpus.nodes) == ("lab", "H100", 2)
    assert (gpus.total, gpus.used, gpus.idle, gpus.going, gpus.coming, gpus.unhealthy) == (16, 5.5, 4.5, 6, 0, 0)
    assert (plain.accelerator, plain.total, plain.used, plain.idle) == ("", 1, 0, 1)
    assert found.usd_per_h == sum(one.usd_per_h for one in found.capacity)
    assert Decimal(0) < found.idle_usd_per_h < found.usd_per_h
    assert found.jobs["running"] == 1
    assert found.jobs["failed"] == 0
    assert [(one.about, one.name) for one in found.attention] == [("node", "n2")]
    assert found.attention[0].text == "takes no new work (drained by ada: a fan); 1 attempt still on it"


def test_a_pool_that_does_not_answer_is_unhealthy_and_comes_first() -> None:
    failed = a_job(9, state=JobState.FAILED, ended_at_us=START_US, message="rank 0 exited with 3")
    long_ago = a_job(8, state=JobState.FAILED, ended_at_us=START_US - 24 * HOUR_US, message="old")
    found = seen(a_cluster(*a_house()), failed, long_ago, closed={"lab": "no route to host"})
    assert found.capacity[0].unhealthy == 8
    assert [one.text for one in found.attention] == [
        "its provider does not answer: no route to host",
        "train-9 failed: rank 0 exited with 3",
    ]


def test_who_waits_longest_and_who_can_never_start() -> None:
    first, second = a_job(1, gpus=16, submitted_at_us=START_US), a_job(2, submitted_at_us=START_US + SECOND_US)
    cluster = a_cluster(*a_house(), JobSubmitted(job=first), JobSubmitted(job=second))
    reason = WaitReason(code=WaitCode.NO_NODE, message="no node that takes work has H100:16")
    key = LineKey(first.queue, first.priority, first.request)
    found = seen(cluster, plan=Plan(seq=cluster.seq, at_us=START_US, waiting={key: reason}))
    assert (found.longest_waiting, found.longest_wait_s) == ("j1", 3600)
    assert [(one.name, one.text) for one in found.attention] == [
        ("j1", "can't start: no node that takes work has H100:16")
    ]


def test_an_empty_house_is_quiet() -> None:
    found = seen(Cluster())
    assert (len(found.capacity), len(found.attention), found.longest_waiting) == (0, 0, "")
    assert found.usd_per_h == 0
