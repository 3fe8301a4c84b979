"""Two clusters compared: everything that a decision may look at, in words that can differ in nothing else."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tauon.model.cluster import Cluster
from tauon.model.past import Past
from tauon.model.resources import Resources
from tauon.model.tree import Tree


def state_of(cluster: Cluster) -> dict[str, Any]:
    """All that a cluster knows. The order in which equal things stand is left out: a restart may change it."""
    capacity, waiting, live = cluster.capacity, cluster.waiting, cluster.live
    return {
        "at": (cluster.seq, cluster.at_us, cluster.jobs_submitted),
        "jobs": dict(cluster.jobs),
        "attempts": dict(cluster.attempts),
        "nodes": dict(cluster.nodes),
        "pools": dict(cluster.pools),
        "queues": dict(cluster.queues),
        "tree": tree_of(cluster.tree),
        "fleet": dict(cluster.fleet),
        "held": {queue: amounts for queue, amounts in cluster.held.items() if amounts != Resources()},
        "by priority": {priority: set(ids) for priority, ids in live.by_priority.items()},
        "by kind": {kind: set(ids) for kind, ids in live.by_kind.items()},
        "on nodes": {node: set(cluster.attempts_on(node)) for node in cluster.nodes},
        "timeouts": {attempt: live.timeouts.is_due(attempt, cluster.at_us) for attempt in cluster.attempts},
        "unwanted": set(live.unwanted),
        "stopping": set(live.stopping),
        "starting": set(live.starting),
        "lines": {key: list(line) for key, line in waiting.lines.items()},
        "waiting for others": {job: set(unmet) for job, unmet in waiting.held.items()},
        "delayed": {job for job in cluster.jobs if job in waiting.delayed},
        "rooms": {r.node: (r.milli, r.whole, r.cpu_milli, r.memory_mib, r.disk_mib) for r in capacity.rooms()},
        "buckets": {
            (shape, whole): {room.node for room in capacity.bucket(shape, whole)}
            for shape in capacity.shapes
            for whole in range(shape.accelerator_count + 1)
        },
        "total": capacity.total,
    }


def tree_of(tree: Tree) -> dict[str, Any]:
    """All that a tree of queues says, but for the past, which it does not keep up with."""
    types = {"H100", *(type_ for name in tree.names for type_ in tree.types(name))}
    return {
        name: (
            replace(tree.queue(name), past=Past()),
            set(tree.children(name)),
            tree.types(name),
            {type_: tree.limit(name, type_) for type_ in types},
        )
        for name in tree.names
    } | {"has": (tree.has_guarantees, tree.has_limits)}
