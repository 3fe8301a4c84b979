"""Alibaba's GPU cluster of 2023 (openb): a list of pods with shares of GPUs, and a list of nodes of seven types.

Weng et al., Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent, ATC'23.
"""

from __future__ import annotations

from collections.abc import Iterator

from tauon.model.accelerator import canonical_type, memory_gib_of
from tauon.model.ids import NodeId, PoolName
from tauon.model.node import Node, NodeShape
from tauon.model.resources import MILLI
from tauon.simulator.traces.job import Skipped, TraceJob
from tauon.simulator.traces.table import Table

PODS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time", "deletion_time", "scheduled_time")
NODES = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
NODE_FILES = ("openb_node_list_gpu_node.csv", "openb_node_list.csv")
POOL = PoolName("openb")


def read_pods(table: Table, skipped: Skipped) -> Iterator[TraceJob]:
    """A job for each pod that was ever scheduled; it lasts as long as the pod held its place."""
    for row in table.rows():
        if not row.has("scheduled_time"):
            skipped.add("was never scheduled, so nobody knows how long it would have run", row.place)
            continue
        at_us, began_us, ended_us = (
            row.moment_us(column) for column in ("creation_time", "scheduled_time", "deletion_time")
        )
        if ended_us < began_us:
            raise row.wrong("deletion_time", "it was deleted before it was scheduled")
        count, share = int(row.number_in("num_gpu")), int(row.number_in("gpu_milli", most=MILLI))
        yield TraceJob(
            at_us=at_us,
            duration_s=(ended_us - began_us) / 1e6,
            name=row.text("name"),
            workers=1,
            accelerators_milli=share if count == 1 else count * MILLI,
            kinds=tuple(canonical_type(kind) for kind in row.text("gpu_spec").split("|") if kind),
            cpu_milli=int(row.number_in("cpu_milli")),
            memory_mib=int(row.number_in("memory_mib")),
        )


def read_nodes(table: Table) -> Iterator[Node]:
    """The nodes of a list."""
    for row in table.rows():
        count = int(row.number_in("gpu", most=1024))
        kind = canonical_type(row.text("model")) if count else ""
        shape = NodeShape(
            pool=POOL,
            accelerator=kind,
            accelerator_count=count,
            accelerator_memory_gib=memory_gib_of(kind) if kind else 0,
            cpu_milli=int(row.number_in("cpu_milli")),
            memory_mib=int(row.number_in("memory_mib")),
        )
        yield Node(id=NodeId(row.text("sn")), shape=shape)
