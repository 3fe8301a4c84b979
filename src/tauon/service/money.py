"""The bill as it is shown: reports over closed records and over what is held at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from tauon.economics.bill import Bill, Sum, bill
from tauon.model.changes import capacity_record, work_records
from tauon.model.cluster import Cluster
from tauon.model.errors import InvalidRequest
from tauon.model.ids import JobId, PoolName
from tauon.model.job import Job, JobState
from tauon.model.money import ZERO, hourly
from tauon.model.resources import MILLI
from tauon.model.usage import UsageRecord
from tauon.ports.providers import Provider
from tauon.ports.store import Store
from tauon.service.control_plane import UsageQuery
from tauon.service.views import AcceleratorView, RunningView, Top, UsageLine, UsageReport, moment

UNLABELLED = "(none)"


def open_records(cluster: Cluster, now_us: int) -> Iterator[UsageRecord]:
    """Records of all that is held now, as if it ended now."""
    for node in cluster.nodes.values():
        if node.is_in_service:
            yield capacity_record(node, now_us)
    for attempt in cluster.attempts.values():
        yield from work_records(attempt, cluster.jobs[attempt.job], cluster.nodes, now_us)


async def usage_report(store: Store, cluster: Cluster, query: UsageQuery, now_us: int) -> UsageReport:
    """The bill of a window. Raises InvalidRequest for an unknown key or a window that ends before it begins."""
    to_us = min(now_us, query.to_us) if query.to_us is not None else now_us
    still_open = list(open_records(cluster, now_us))

    def fold() -> tuple[Bill, Callable[[str], str], int]:
        closed = list(store.usage(from_us=query.from_us or 0, to_us=to_us))
        began = min((r.from_us for r in (*closed, *still_open)), default=to_us)
        from_us = query.from_us if query.from_us is not None else began
        jobs = _Jobs(store, cluster)
        key = _key_of(query.by, jobs)
        summed = bill((*closed, *still_open), from_us=from_us, to_us=to_us, key=key)
        name = (lambda line: jobs.get(line).name) if query.by == "job" else (lambda line: line)
        return summed, name, from_us

    if query.from_us is not None and query.from_us > to_us:
        raise InvalidRequest("the window ends before it begins")
    summed, name, from_us = await asyncio.to_thread(fold)
    lines = [_line(key, name(key), total) for key, total in summed.lines.items()]
    lines.sort(key=lambda line: (-line.cost_usd, line.key))
    return UsageReport(
        by=query.by,
        from_at=moment(from_us),
        to_at=moment(to_us),
        lines=lines,
        work_usd=summed.work.cost.usd,
        idle_usd=summed.idle.usd,
        capacity_usd=summed.capacity.cost.usd,
        idle_accelerator_hours=summed.idle_accelerator_hours,
    )


def _line(key: str, name: str, total: Sum) -> UsageLine:
    return UsageLine(
        key=key,
        name=name,
        accelerator_hours=total.accelerator_hours,
        cpu_hours=total.cpu_hours,
        memory_gib_hours=total.memory_gib_hours,
        cost_usd=total.cost.usd,
    )


class _Jobs:
    """Jobs by id, live or past, each looked up once."""

    def __init__(self, store: Store, cluster: Cluster) -> None:
        self._store = store
        self._found: dict[str, Job] = {job.id: job for job in cluster.jobs.values()}

    def get(self, job: str) -> Job:
        found = self._found.get(job) or self._store.find_job(JobId(job))
        assert found is not None, f"a usage record names {job}, which was never submitted"
        self._found[job] = found
        return found


def _key_of(by: str, jobs: _Jobs) -> Callable[[UsageRecord], str]:
    label = by.removeprefix("label:")
    if label != by and label:
        return lambda r: jobs.get(r.job or "").labels.get(label, UNLABELLED)
    match by:
        case "queue":
            return lambda r: r.queue or ""
        case "user":
            return lambda r: r.user
        case "job":
            return lambda r: r.job or ""
        case "pool":
            return lambda r: r.pool
        case "accelerator":
            return lambda r: r.accelerator or "cpu only"
        case _:
            raise InvalidRequest(f"usage is summed by queue, user, job, pool, accelerator or label:KEY, not {by!r}")


async def job_cost(store: Store, cluster: Cluster, job: Job, now_us: int) -> Sum:
    """What a job has held and cost until now."""
    closed = await asyncio.to_thread(lambda: list(store.usage(from_us=job.submitted_at_us, to_us=now_us, job=job.id)))
    total = Sum()
    for record in closed:
        total.add(record, 0, now_us)
    attempt = cluster.attempts.get(job.attempt) if job.attempt else None
    if attempt is not None:
        for record in work_records(attempt, job, cluster.nodes, now_us):
            total.add(record, 0, now_us)
    return total


def top(cluster: Cluster, providers: Mapping[PoolName, Provider], now_us: int) -> Top:
    """What is going on at this moment, by the providers' newest samples."""
    holders = {
        (worker.node, index): attempt.job
        for attempt in cluster.attempts.values()
        for worker in attempt.placement
        for index in worker.accelerators
    }
    samples = {(use.node, use.index): use for provider in providers.values() for use in provider.sample()}
    accelerators = []
    for node in cluster.nodes.values():
        for index in range(node.shape.accelerator_count):
            use = samples.get((node.id, index))
            accelerators.append(
                AcceleratorView(
                    node=node.id,
                    index=index,
                    type=node.shape.accelerator,
                    job=holders.get((node.id, index), ""),
                    utilisation_pct=use.utilisation_pct if use else None,
                    memory_used_mib=use.memory_used_mib if use else None,
                    memory_total_mib=use.memory_total_mib if use else None,
                    power_w=use.power_w if use else None,
                    temperature_c=use.temperature_c if use else None,
                )
            )
    cost = capacity = ZERO
    for shape, count in cluster.fleet.items():
        capacity = capacity + hourly(shape.rates, shape.capacity * count)
    for attempt in cluster.attempts.values():
        for worker in attempt.placement:
            cost = cost + hourly(cluster.nodes[worker.node].shape.rates, attempt.resources)
    waiting = sum(job.state is JobState.QUEUED for job in cluster.jobs.values())
    return Top(
        at=moment(now_us),
        waiting=waiting,
        running=len(cluster.jobs) - waiting,
        accelerators=accelerators,
        attempts=_running(cluster, providers, now_us),
        cost_usd_per_h=cost.usd,
        idle_usd_per_h=(capacity - cost).usd,
    )


def _running(cluster: Cluster, providers: Mapping[PoolName, Provider], now_us: int) -> list[RunningView]:
    uses = {use.attempt: use for provider in providers.values() for use in provider.usage()}
    views = []
    for attempt in cluster.attempts.values():
        job = cluster.jobs[attempt.job]
        use = uses.get(attempt.id)
        views.append(
            RunningView(
                job=job.id,
                name=job.name,
                queue=job.queue,
                attempt=attempt.id,
                accelerators=attempt.accelerator_milli / MILLI,
                cpu_cores=use.cpu_cores if use else 0.0,
                memory_mib=use.memory_mib if use else 0,
                running_s=(now_us - (attempt.running_at_us or now_us)) / 1e6,
            )
        )
    return views
