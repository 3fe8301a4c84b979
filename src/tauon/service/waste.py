"""Waste as it is shown: whose it is, what it costs a day, what to do; and the samples from which it is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from tauon.economics.waste import ADVICE, Finding, Sample, Watch, holders
from tauon.model.cluster import Cluster
from tauon.model.ids import AttemptId, PoolName
from tauon.model.money import Money, Rates
from tauon.model.resources import MILLI
from tauon.ports.providers import Provider
from tauon.service.views import WasteView, moment

HOURS_A_DAY = 24


class WasteWatch:
    """Looks at all providers' samples now and then, and remembers what was found last."""

    def __init__(self) -> None:
        self._watch = Watch()
        self.findings: list[Finding] = []

    def look(self, cluster: Cluster, providers: Mapping[PoolName, Provider], now_us: int) -> None:
        """Take in the newest samples; to be called about once a minute."""
        self._watch.see(samples(cluster, providers, now_us), now_us)
        self.findings = self._watch.findings()


def samples(cluster: Cluster, providers: Mapping[PoolName, Provider], now_us: int) -> Iterator[Sample]:
    """What providers measure of the accelerators that attempts hold."""
    held = {a.id: tuple((w.node, w.accelerators) for w in a.placement) for a in cluster.attempts.values()}
    whose = holders(held)
    cores = {use.attempt: use.cpu_cores for provider in providers.values() for use in provider.usage()}
    for provider in providers.values():
        for use in provider.sample():
            attempt = whose.get((use.node, use.index))
            if attempt is not None:
                yield Sample(
                    at_us=now_us,
                    node=use.node,
                    index=use.index,
                    attempt=attempt,
                    utilisation_pct=use.utilisation_pct,
                    memory_used_mib=use.memory_used_mib,
                    sm_active_pct=use.sm_active_pct,
                    processes=use.processes,
                    cpu_share=_cpu_share(cluster, attempt, cores),
                )


def _cpu_share(cluster: Cluster, attempt: AttemptId, cores: Mapping[AttemptId, float]) -> float | None:
    asked = cluster.attempts[attempt].total.cpu_milli / MILLI
    return cores[attempt] / asked if attempt in cores and asked else None


def waste_views(findings: Iterable[Finding], cluster: Cluster) -> list[WasteView]:
    """The dearest first; what has ended since it was found is left out."""
    found = [_view(one, cluster) for one in findings if one.attempt in cluster.attempts]
    return sorted(found, key=lambda view: (-view.usd_per_day, view.job))


def _view(finding: Finding, cluster: Cluster) -> WasteView:
    attempt = cluster.attempts[finding.attempt]
    job = cluster.jobs[attempt.job]
    return WasteView(
        waste=finding.waste.value,
        job=job.id,
        name=job.name,
        queue=job.queue,
        user=job.user,
        pool=attempt.pool,
        accelerators=[f"{node}/{index}" for node, index in finding.accelerators],
        since=moment(finding.since_us),
        usd_per_day=_usd_per_day(finding, cluster),
        advice=ADVICE[finding.waste],
    )


def _usd_per_day(finding: Finding, cluster: Cluster) -> Decimal:
    """What the accelerators alone cost; the cores and the memory beside them may be at work."""
    share = {worker.node: worker.share_milli for worker in cluster.attempts[finding.attempt].placement}
    total = Money()
    for node, _ in finding.accelerators:
        known = cluster.nodes.get(node)
        rates = known.shape.rates if known else Rates()
        total = total + Money.of_micro_usd(rates.accelerator_micro_usd * HOURS_A_DAY * share.get(node, MILLI) // MILLI)
    return total.usd
