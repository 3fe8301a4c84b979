"""Whether two clusters are the same state, by everything that a decision may look at."""

from __future__ import annotations

from typing import Any

from tauon.model.cluster import Cluster
from tauon.model.resources import Resources


def same_state(one: Cluster, other: Cluster) -> None:
    """Raise AssertionError naming the first part that differs."""
    a, b = state_of(one), state_of(other)
    for part in a:
        assert a[part] == b[part], part


def state_of(cluster: Cluster) -> dict[str, Any]:
    """A cluster's state in plain values; order is left out where it means nothing."""
    waiting, live, capacity = cluster.waiting, cluster.live, cluster.capacity
    return {
        "seq": cluster.seq,
        "at_us": cluster.at_us,
        "jobs_submitted": cluster.jobs_submitted,
        "jobs": dict(cluster.jobs),
        "attempts": dict(cluster.attempts),
        "nodes": dict(cluster.nodes),
        "pools": dict(cluster.pools),
        "queues": dict(cluster.queues),
        "fleet": dict(cluster.fleet),
        "held": {queue: held for queue, held in cluster.held.items() if held != Resources()},
        "by priority": {p: sorted(attempts) for p, attempts in live.by_priority.items()},
        "stopping": sorted(live.stopping),
        "unwanted": sorted(live.unwanted),
        "timeouts": sorted(live.timeouts.until(2**62)),
        "on node": {node: sorted(cluster.attempts_on(node)) for node in cluster.nodes},
        "total": capacity.total,
        "rooms": {r.node: (r.milli, r.whole, r.cpu_milli, r.memory_mib, r.disk_mib) for r in capacity.rooms()},
        "buckets": {
            (shape, whole): set(capacity.members(shape, whole))
            for shape, buckets in capacity.shapes.items()
            for whole in range(len(buckets))
        },
        "lines": {key: list(line) for key, line in waiting.lines.items()},
        "waiting for others": dict(waiting.held),
        "dependents": {job: sorted(waiting.dependents(job)) for job in cluster.jobs if waiting.dependents(job)},
        "delayed": sorted(waiting.delayed.until(2**62)),
    }
