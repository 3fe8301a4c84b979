"""The fleet as it is drawn: every accelerator in columns, and one node with all that is on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tauon.model.cluster import Cluster
from tauon.model.ids import JobId, PoolName
from tauon.model.money import Money, hourly
from tauon.model.node import Node
from tauon.model.resources import MILLI
from tauon.ports.providers import AcceleratorUse, Provider
from tauon.service.page_views import Fleet, NodeDetail, NodeWork
from tauon.service.present import node_view, price_usd_per_h
from tauon.service.views import AcceleratorView, moment

Samples = Mapping[tuple[str, int], AcceleratorUse]
NOBODY = UNKNOWN = -1


class _Numbers(dict[str, int]):
    """Names in the order in which they are met."""

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self)
        return number


def samples(providers: Mapping[PoolName, Provider]) -> Samples:
    """What each accelerator does, by node and index, as far as it is measured."""
    return {(use.node, use.index): use for provider in providers.values() for use in provider.sample()}


def fleet(cluster: Cluster, measured: Samples, now_us: int) -> Fleet:
    """Every accelerator. A fraction of one is shown as its first holder's."""
    pools, types, jobs, queues = _Numbers(), _Numbers(), _Numbers(), _Numbers()
    nodes = sorted(cluster.nodes.values(), key=lambda node: (node.pool, node.shape.accelerator, node.id))
    first: dict[str, int] = {}
    size = 0
    for node in nodes:
        first[node.id] = size
        size += max(1, node.shape.accelerator_count)
    holders, busy = [NOBODY] * size, [UNKNOWN] * size
    for attempt in cluster.attempts.values():
        number = jobs[attempt.job]
        for worker in attempt.placement:
            at = first[worker.node]
            held = worker.accelerators or ((0,) if _is_plain(cluster.nodes[worker.node]) else ())
            for index in held:
                if holders[at + index] == NOBODY:
                    holders[at + index] = number
    for (name, index), use in measured.items():
        if name in first and use.utilisation_pct is not None:
            busy[first[name] + index] = round(use.utilisation_pct)
    job_queue = [queues[cluster.jobs[JobId(job)].queue] for job in jobs]
    return Fleet(
        at=moment(now_us),
        seq=cluster.seq,
        ids=[node.id for node in nodes],
        pool=[pools[node.pool] for node in nodes],
        type=[types[node.shape.accelerator] for node in nodes],
        count=[node.shape.accelerator_count for node in nodes],
        state=[node.state for node in nodes],
        age_s=[max(0, now_us - node.ready_at_us) // 1_000_000 for node in nodes],
        usd_per_h=[float(price_usd_per_h(node.shape)) for node in nodes],
        holders=holders,
        utilisation=busy,
        pools=list(pools),
        types=list(types),
        jobs=list(jobs),
        queues=list(queues),
        job_queue=job_queue,
    )


def _is_plain(node: Node) -> bool:
    return node.shape.accelerator_count == 0


def node_detail(node: Node, cluster: Cluster, measured: Samples) -> NodeDetail:
    """Everything about one node."""
    holders = {
        index: attempt.job
        for attempt in cluster.live.on_node(node.id)
        for worker in attempt.placement
        if worker.node == node.id
        for index in worker.accelerators
    }
    work = list(_work(node, cluster))
    all_of_it = hourly(node.shape.rates, node.shape.capacity)
    held = sum(
        hourly(node.shape.rates, attempt.resources).atoms
        for attempt in cluster.live.on_node(node.id)
        for worker in attempt.placement
        if worker.node == node.id
    )
    return NodeDetail(
        node=node_view(node, cluster),
        labels=dict(node.labels),
        accelerators=[
            _accelerator(node, index, holders.get(index, ""), measured.get((node.id, index)))
            for index in range(node.shape.accelerator_count)
        ],
        work=work,
        idle_usd_per_h=(all_of_it - Money(held)).usd,
    )


def _work(node: Node, cluster: Cluster) -> Iterator[NodeWork]:
    for attempt in cluster.live.on_node(node.id):
        here = [worker for worker in attempt.placement if worker.node == node.id]
        job, each = cluster.jobs[attempt.job], attempt.resources
        yield NodeWork(
            job=job.id,
            name=job.name,
            queue=job.queue,
            attempt=attempt.id,
            accelerators=[index for worker in here for index in worker.accelerators],
            share=max((worker.share_milli for worker in here if worker.accelerators), default=0) / MILLI,
            cpu_cores=each.cpu_milli * len(here) / MILLI,
            memory_gib=each.memory_mib * len(here) / 1024,
            usd_per_h=Money(hourly(node.shape.rates, each).atoms * len(here)).usd,
            since=moment(attempt.placed_at_us),
        )


def _accelerator(node: Node, index: int, job: str, use: AcceleratorUse | None) -> AcceleratorView:
    return AcceleratorView(
        node=node.id,
        index=index,
        type=node.shape.accelerator,
        job=job,
        utilisation_pct=use.utilisation_pct if use else None,
        memory_used_mib=use.memory_used_mib if use else None,
        memory_total_mib=use.memory_total_mib if use else None,
        power_w=use.power_w if use else None,
        temperature_c=use.temperature_c if use else None,
    )
