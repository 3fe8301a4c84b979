"""Microsoft Philly 2017 as its redistributors derived it: a row for each job, and the nodes of each virtual cluster.

Jeon et al., Analysis of Large-Scale Multi-Tenant GPU Clusters for DNN Training Workloads, ATC'19.
"""

from __future__ import annotations

from collections.abc import Iterator

from tauon.model.ids import NodeId, PoolName
from tauon.model.node import Node, NodeShape
from tauon.model.resources import MILLI
from tauon.simulator.traces.job import Skipped, TraceJob
from tauon.simulator.traces.table import Table

JOBS = ("timestamp", "duration", "num_gpus", "cluster")
CLUSTERS = ("vc", "node num")
CLUSTER_FILE = "philly_vc.csv"
POOL = PoolName("philly")
KIND = "GPU"  # the trace does not say which
GPUS, CPU_MILLI, MEMORY_MIB = 8, 64_000, 512 * 1024


def read_jobs(table: Table, skipped: Skipped) -> Iterator[TraceJob]:
    """A job for each row; its virtual cluster is its queue."""
    for row in table.rows():
        count = int(row.number_in("num_gpus", most=100_000))
        if not count:
            skipped.add("asks for no GPU", row.place)
            continue
        yield TraceJob(
            at_us=row.moment_us("timestamp"),
            duration_s=row.number_in("duration", most=1e10),
            user=row.text("user"),
            queue=row.text("cluster"),
            accelerators_milli=count * MILLI,
        )


def read_clusters(table: Table) -> Iterator[Node]:
    """The 8-GPU nodes of all virtual clusters, in one pool."""
    shape = NodeShape(pool=POOL, accelerator=KIND, accelerator_count=GPUS, cpu_milli=CPU_MILLI, memory_mib=MEMORY_MIB)
    for row in table.rows():
        for number in range(int(row.number_in("node num", most=100_000))):
            yield Node(id=NodeId(f"{row.text('vc')}-{number}"), shape=shape)
