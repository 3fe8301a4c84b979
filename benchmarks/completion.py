"""Worlds of the completion-time figures: Muri's trace as its simulator has it, and two weeks of Philly on 64 nodes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from tauon.model.resources import MILLI
from tauon.simulator.fleet import nodes_in_short, pools_of
from tauon.simulator.scenario import Faults, Submit
from tauon.simulator.traces.formats import Trace
from tauon.simulator.traces.job import TraceJob
from tauon.simulator.workload import Replay, submits
from tauon.simulator.world import START_US, World

SECOND_US = 1_000_000
DAY_US = 24 * 3600 * SECOND_US
PHILLY_DAYS = (0.0, 14.0)  # 2017-10-01 to 2017-10-15, from the trace's own first day of October
PHILLY_FROM_US = 1_506_816_000 * SECOND_US

# The simulator of Muri (SIGCOMM 2022) runs everything 1.5 % slower than the trace says, and stops and resumes all that
# runs whenever anything happens, at this many seconds each by model and accelerators; others take ten.
MURI_SLOWER = 1.015
MURI_RESTART_S: dict[str, dict[int, float]] = {
    "vgg16": {1: 7, 2: 7, 4: 8, 8: 9, 16: 9, 32: 10},
    "vgg19": {1: 7, 2: 7, 4: 8, 8: 9, 16: 10, 32: 10},
    "resnet18": {1: 4, 2: 5, 4: 5, 8: 7, 16: 7, 32: 7},
    "shufflenet_v2_x1_0": {1: 4, 2: 4, 4: 5, 8: 5, 16: 7, 32: 8},
    "a2c": {1: 38, 2: 39, 4: 39, 8: 46, 16: 46, 32: 46},
    "dqn": {1: 5, 2: 5, 4: 6, 8: 6, 16: 8, 32: 8},
}
OTHER_RESTART_S = 10.0

Row = tuple[TraceJob, float]  # a job, and the seconds of work that a restart costs it


def muri(folder: Path) -> World:
    """The 992 jobs of trace3 on 64 accelerators."""
    rows: list[Row] = []
    with (folder / "muri" / "trace3.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            count = int(row["num_gpu"])
            job = TraceJob(
                at_us=round(float(row["submit_time"]) * 1000),
                duration_s=float(row["iterations"]) * float(row["iteration_time"]) / 1000 * MURI_SLOWER,
                user="",
                queue="",
                accelerators_milli=count * MILLI,
            )
            rows.append((job, MURI_RESTART_S.get(row["model_name"], {}).get(count, OTHER_RESTART_S)))
    return _world("muri trace3", rows, first_us=0, nodes=8, faults=Faults(pauses=True))


def philly(folder: Path) -> World:
    """The 24,134 jobs of 2017-10-01 to 15 as one pool of 64 nodes of 8; a virtual cluster counts as a user."""
    from_us, until_us = (PHILLY_FROM_US + round(days * DAY_US) for days in PHILLY_DAYS)
    jobs = (job for job in Trace(folder / "philly" / "philly_82k.csv").jobs() if from_us <= job.at_us < until_us)
    rows = [(_by_cluster(job), _restart_s(job.accelerators_milli // MILLI)) for job in jobs]
    return _world("philly 2017-10-01..15", rows, first_us=from_us, nodes=64, faults=Faults())


def _by_cluster(job: TraceJob) -> TraceJob:
    return TraceJob(
        at_us=job.at_us,
        duration_s=job.duration_s,
        user=job.queue,
        queue="",
        accelerators_milli=job.accelerators_milli,
    )


def _restart_s(count: int) -> float:
    """As the published replays charge it: 7, 30 or 60 s for 1, 2 to 8 or more accelerators."""
    return 7.0 if count == 1 else 30.0 if count <= 8 else 60.0


def _world(name: str, rows: Sequence[Row], *, first_us: int, nodes: int, faults: Faults) -> World:
    fleet = nodes_in_short([f"V100:8x{nodes}"])

    def happenings() -> Iterator[Submit]:
        for job, restart_s in rows:
            replay = Replay(start_us=START_US, largest=8, save_s=0.0, restart_s=restart_s)
            yield from submits([job], first_us, replay)

    return World(
        name=name,
        source=name,
        format="trace",
        pools=pools_of(fleet),
        nodes=tuple(fleet),
        happenings=happenings,
        jobs=len(rows),
        faults=faults,
    )
