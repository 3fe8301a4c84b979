"""Everything at a glance: capacity by pool and type, the line, money an hour, and what a person should look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tauon.model.cluster import Cluster
from tauon.model.job import Job, JobState
from tauon.model.money import Money, hourly
from tauon.model.node import Node, NodeState
from tauon.model.plan import Plan, WaitCode
from tauon.model.resources import MILLI
from tauon.service.page_views import Attention, CapacityView, Overview
from tauon.service.queue_views import queue_views
from tauon.service.views import moment

_DAY_US = 24 * 3_600_000_000
_MOST = 50


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """The state, the latest plan, why pools are closed, and the time."""

    cluster: Cluster
    plan: Plan
    closed: Mapping[str, str]
    now_us: int


class _Amount:
    """What one pool has of one type."""

    __slots__ = ("atoms_per_h", "coming", "free", "going", "nodes", "total")

    def __init__(self) -> None:
        self.nodes = self.total = self.free = self.going = self.coming = self.atoms_per_h = 0


def overview(now: Moment, counts: Mapping[JobState, int], failed: Sequence[Job]) -> Overview:
    """All of it. `counts` are the jobs by state, `failed` the latest that failed."""
    cluster = now.cluster
    amounts = _amounts(cluster)
    capacity = [_capacity(pool, type_, amount, now) for (pool, type_), amount in sorted(amounts.items())]
    total = sum(amount.atoms_per_h for amount in amounts.values())
    work = sum(cluster.holdings.spending.values())
    first = min(
        (job for job in cluster.jobs.values() if job.state is JobState.QUEUED),
        key=lambda job: job.submitted_at_us,
        default=None,
    )
    return Overview(
        at=moment(now.now_us),
        seq=cluster.seq,
        capacity=capacity,
        jobs={state.value: counts.get(state, 0) for state in JobState},
        longest_wait_s=max(0, now.now_us - first.submitted_at_us) / 1e6 if first else 0.0,
        longest_waiting=first.id if first else "",
        usd_per_h=Money(total).usd,
        idle_usd_per_h=(Money(total) - Money(work)).usd,
        attention=[*_attention(now, failed)][:_MOST],
    )


def _amounts(cluster: Cluster) -> dict[tuple[str, str], _Amount]:
    found: dict[tuple[str, str], _Amount] = {}
    for node in cluster.nodes.values():
        shape = node.shape
        amount = found.setdefault((shape.pool, shape.accelerator), _Amount())
        units = shape.accelerator_count if shape.accelerator else 1
        if node.state is NodeState.REQUESTED:
            amount.coming += units * MILLI
            continue
        amount.nodes += 1
        amount.total += units * MILLI
        amount.atoms_per_h += hourly(shape.rates, shape.capacity).atoms
        if node.state is NodeState.DRAINING:
            amount.going += units * MILLI - _held_milli(node, cluster)
        elif not shape.accelerator:
            amount.free += 0 if cluster.live.on_node(node.id) else MILLI
    for shape in cluster.capacity.shapes:
        if not shape.accelerator:
            continue
        rooms = (r for whole in range(shape.accelerator_count + 1) for r in cluster.capacity.bucket(shape, whole))
        found[shape.pool, shape.accelerator].free += sum(sum(room.milli) for room in rooms)
    return found


def _held_milli(node: Node, cluster: Cluster) -> int:
    """What live attempts hold on a node that takes no new work; a plain node counts as one."""
    live = cluster.live.on_node(node.id)
    if not node.shape.accelerator:
        return MILLI if live else 0
    workers = (worker for attempt in live for worker in attempt.placement if worker.node == node.id)
    return sum(len(worker.accelerators) * worker.share_milli for worker in workers)


def _capacity(pool: str, type_: str, amount: _Amount, now: Moment) -> CapacityView:
    return CapacityView(
        pool=pool,
        accelerator=type_,
        nodes=amount.nodes,
        total=amount.total / MILLI,
        used=(amount.total - amount.free - amount.going) / MILLI,
        idle=amount.free / MILLI,
        going=amount.going / MILLI,
        coming=amount.coming / MILLI,
        unhealthy=amount.total / MILLI if pool in now.closed else 0.0,
        usd_per_h=Money(amount.atoms_per_h).usd,
    )


def _attention(now: Moment, failed: Sequence[Job]) -> Iterator[Attention]:
    """The most important first: pools, nodes, what can never start, what failed within a day, guarantees."""
    cluster = now.cluster
    for name, why in sorted(now.closed.items()):
        yield Attention(about="pool", name=name, text=f"its provider does not answer: {why}")
    for node in cluster.nodes.values():
        if node.state is NodeState.DRAINING:
            left = len(cluster.live.on_node(node.id))
            still = f"{left} attempt{'s' * (left != 1)} still on it" if left else "nothing runs on it any more"
            yield Attention(
                about="node", name=node.id, text=f"takes no new work ({node.message or 'drained'}); {still}"
            )
    for key, reason in now.plan.waiting.items():
        place = next(iter(cluster.waiting.lines.get(key, ())), None)
        if reason.code is WaitCode.NO_NODE and place is not None:
            since = moment(cluster.jobs[place.job].submitted_at_us)
            yield Attention(about="job", name=place.job, text=f"can't start: {reason.message}", since=since)
    for job in failed:
        if job.ended_at_us is not None and now.now_us - job.ended_at_us < _DAY_US:
            text = f"{job.name} failed: {job.message or 'no reason was given'}"
            yield Attention(about="job", name=job.id, text=text, since=moment(job.ended_at_us))
    for queue in queue_views(cluster, now.now_us):
        if queue.message:
            yield Attention(about="queue", name=queue.name, text=queue.message)
