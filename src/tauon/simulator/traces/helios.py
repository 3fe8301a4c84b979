"""SenseTime Helios 2020: `cluster_log.csv`, a row for each job of a Slurm cluster with its virtual cluster.

Hu et al., Characterization and Prediction of Deep Learning Workloads in Large-Scale GPU Datacenters, SC'21.
"""

from __future__ import annotations

from collections.abc import Iterator

from tauon.model.resources import MILLI
from tauon.simulator.traces.job import Skipped, TraceJob
from tauon.simulator.traces.table import Table

JOBS = ("job_id", "user", "vc", "gpu_num", "cpu_num", "state", "submit_time", "duration")


def read_jobs(table: Table, skipped: Skipped) -> Iterator[TraceJob]:
    """A job for each row that ran; its virtual cluster is its queue."""
    for row in table.rows():
        if not row.has("duration") or (row.knows("start_time") and not row.has("start_time")):
            skipped.add("never started", row.place)
            continue
        count, cores = int(row.number_in("gpu_num", most=100_000)), int(row.number_in("cpu_num", most=1e7))
        yield TraceJob(
            at_us=row.moment_us("submit_time"),
            duration_s=row.number_in("duration", most=1e10),
            name=row.text("jobname"),
            user=row.text("user"),
            queue=row.text("vc"),
            accelerators_milli=count * MILLI,
            cpu_milli=0 if count else cores * 1000,
        )
