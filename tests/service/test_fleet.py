"""The fleet in columns tells the same as its nodes, and a node tells all that is on it."""

from __future__ import annotations

from decimal import Decimal

from tauon.model.event import NodeDraining, NodeReady
from tauon.model.ids import NodeId
from tauon.model.job import Job
from tauon.model.node import NodeState
from tauon.ports.providers import AcceleratorUse
from tauon.service.fleet import fleet, node_detail
from tests.builders import SECOND_US, START_US, a_cluster, a_house, a_job, a_node, a_request, a_run, an_attempt

NOW_US = START_US + 100 * SECOND_US


def a_use(node: str, index: int, percent: float | None) -> AcceleratorUse:
    return AcceleratorUse(
        node=NodeId(node),
        index=index,
        utilisation_pct=percent,
        memory_used_mib=None,
        memory_total_mib=None,
        power_w=None,
        temperature_c=None,
    )


def a_gang() -> Job:
    return a_job(1, gpus=2, workers=2)


def test_every_accelerator_is_there_with_its_holder() -> None:
    gang, plain = a_gang(), a_job(2, request=a_request(gpus=0))
    cluster = a_cluster(
        *a_house(nodes=2),
        NodeReady(node=a_node("z", gpus=0, pool="annex")),
        *a_run(gang, an_attempt(gang, nodes=["n1", "n2"], first=1)),
        *a_run(plain, an_attempt(plain, nodes=["z"])),
        NodeDraining(node_id=NodeId("n2"), reason="drained by ada"),
    )
    measured = {("n1", 1): a_use("n1", 1, 97.4), ("n1", 2): a_use("n1", 2, None), ("gone", 0): a_use("gone", 0, 5.0)}
    found = fleet(cluster, measured, NOW_US)
    assert found.ids == ["z", "n1", "n2"]
    assert [found.pools[i] for i in found.pool] == ["annex", "lab", "lab"]
    assert [found.types[i] for i in found.type] == ["", "H100", "H100"]
    assert found.count == [0, 8, 8]
    assert found.state == [NodeState.READY, NodeState.READY, NodeState.DRAINING]
    named = [found.jobs[i] if i >= 0 else "" for i in found.holders]
    free = [""]
    assert named == ["j2", *free, "j1", "j1", *free * 5, *free, "j1", "j1", *free * 5]
    assert [found.queues[found.job_queue[found.jobs.index(job)]] for job in ("j1", "j2")] == ["default", "default"]
    assert found.utilisation == [-1, -1, 97, *[-1] * 14]
    assert all(0 <= age_s <= 100 for age_s in found.age_s)


def test_a_share_of_an_accelerator_is_its_first_holders() -> None:
    halves = [a_job(number, gpus=0.5) for number in (1, 2)]
    cluster = a_cluster(*a_house(), *(fact for job in halves for fact in a_run(job, an_attempt(job))))
    found = fleet(cluster, {}, NOW_US)
    assert found.jobs[found.holders[0]] == "j1"
    assert found.holders[1:] == [-1] * 7
    detail = node_detail(cluster.nodes[NodeId("n1")], cluster, {})
    assert [(one.job, one.accelerators, one.share) for one in detail.work] == [("j1", [0], 0.5), ("j2", [0], 0.5)]


def test_a_node_tells_its_work_and_its_cost() -> None:
    gang = a_gang()
    cluster = a_cluster(*a_house(nodes=2), *a_run(gang, an_attempt(gang, nodes=["n1", "n2"], first=1)))
    found = node_detail(cluster.nodes[NodeId("n1")], cluster, {("n1", 1): a_use("n1", 1, 50.0)})
    assert [(one.index, one.job, one.utilisation_pct) for one in found.accelerators[:3]] == [
        (0, "", None),
        (1, "j1", 50.0),
        (2, "j1", None),
    ]
    (work,) = found.work
    assert (work.job, work.accelerators, work.cpu_cores, work.memory_gib) == ("j1", [1, 2], 1, 1)
    assert work.usd_per_h == Decimal("4.034")
    assert work.usd_per_h + found.idle_usd_per_h == found.node.price_usd_per_h


def test_an_empty_fleet_is_empty() -> None:
    found = fleet(a_cluster(), {}, NOW_US)
    assert (found.ids, found.holders, found.jobs) == ([], [], [])
