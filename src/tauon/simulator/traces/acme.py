"""Shanghai AI Laboratory's Acme 2023: `trace_seren.csv` and `trace_kalos.csv`, a row for each job.

Hu et al., Characterization of Large Language Model Development in the Datacenter, NSDI'24.
"""

from __future__ import annotations

from collections.abc import Iterator

from tauon.model.resources import MILLI
from tauon.simulator.traces.job import Skipped, TraceJob
from tauon.simulator.traces.table import Table

JOBS = ("job_id", "user", "node_num", "gpu_num", "cpu_num", "type", "state", "submit_time", "duration", "gpu_time")


def read_jobs(table: Table, skipped: Skipped) -> Iterator[TraceJob]:
    """A job for each row that ran; its type (pretraining, evaluation ...) is its name. `queue` there is seconds waited."""
    for row in table.rows():
        if not row.has("duration") or (row.knows("start_time") and not row.has("start_time")):
            skipped.add("never started", row.place)
            continue
        count, cores = int(row.number_in("gpu_num", most=100_000)), int(row.number_in("cpu_num", most=1e7))
        yield TraceJob(
            at_us=row.moment_us("submit_time"),
            duration_s=row.number_in("duration", most=1e10),
            name=row.text("type"),
            user=row.text("user"),
            accelerators_milli=count * MILLI,
            cpu_milli=0 if count else cores * 1000,
        )
