"""A real Slurm on this machine: submitting beside the fastest plain loop, and how soon the journal knows what Slurm did."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.report import Report, median, quantile, say
from tauon.main.embedded import control_plane
from tauon.model.attempt import WorkerPlacement
from tauon.model.event import AttemptEnded, AttemptRunning
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName
from tauon.model.job_spec import JobSpec
from tauon.model.node import Node
from tauon.model.pool import Pool
from tauon.ports.providers import ProviderContext, StartOrder
from tauon.providers.slurm.provider import SlurmProvider
from tauon.service.config import PoolSettings, ServerConfig
from tauon.store.sql_store import SqlStore
from tests.builders import a_job, a_request, an_attempt
from tests.providers.slurm.cluster import PATIENCE_S, Cluster, missing

NODES = 20
JOBS = 2_000
TURNS = 5
PART = JOBS // TURNS
LOOPS = (4, 8, 16)  # how many `sbatch` the plain loop runs at once; the fastest counts
WATCHED = 400
PEERS = "plain sbatch loop = 1"


def measure_slurm(report: Report) -> str:
    """Add Slurm's figures; returns why there are none."""
    absent = missing()
    if absent:
        return absent
    with tempfile.TemporaryDirectory(prefix="tauon-bench-") as name:
        cluster = Cluster(Path(name), nodes=NODES, timeout_s=60)
        cluster.start()
        try:
            _submitting(report, cluster)
            _journalling(report, cluster)
        finally:
            cluster.close()
    return ""


# Submitting


def _submitting(report: Report, cluster: Cluster) -> None:
    """Jobs are handed over while the partition starts none, so that nothing but submitting is measured.

    The loops and the provider take turns, a part of the jobs each time, so that all share what else the machine does.
    """
    cluster.command("scontrol", "update", "PartitionName=main", "State=DOWN")
    plain, ours = asyncio.run(_turns(cluster))
    cluster.command("scontrol", "update", "PartitionName=main", "State=UP")
    best = min(plain, key=lambda count: sum(plain[count]))
    ratios = [mine / theirs for mine, theirs in zip(ours, plain[best], strict=True)]
    report.at_most("slurm_submit_ratio", median(ratios), "", 1.2, PEERS)
    report.told(
        "slurm_submit_per_s", PART / median(ours), "jobs/s", f"{PART / median(plain[best]):.0f} ({best} sbatch)"
    )


async def _turns(cluster: Cluster) -> tuple[dict[int, list[float]], list[float]]:
    """Seconds for each part of the jobs, by each plain loop and by the provider."""
    plain: dict[int, list[float]] = {count: [] for count in LOOPS}
    ours: list[float] = []
    provider, nodes = await _open(cluster)
    for turn in range(TURNS):
        for count in LOOPS:
            plain[count].append(_plain_loop(cluster, count))
        orders = [_order(nodes, turn * PART + index) for index in range(PART)]
        began_s = time.perf_counter()
        refused = await provider.start(orders)
        assert not refused, refused[0].error
        for order in orders:  # it has taken them, and submits on; asking Slurm would slow it down
            provider._attempts.wait_until_settled(order.attempt.id, PATIENCE_S)  # noqa: SLF001
        ours.append(time.perf_counter() - began_s)
        assert len(cluster.live_jobs()) == PART
        _clear(cluster)
        told = ", ".join(f"{count} at once {took_s[-1]:.1f} s" for count, took_s in plain.items())
        say(f"{(turn + 1) * PART} jobs: plain sbatch {told}; the provider {ours[-1]:.1f} s")
    await provider.close()
    return plain, ours


def _plain_loop(cluster: Cluster, at_once: int) -> float:
    """Seconds for a part of the jobs, each with a script file and a node, by xargs."""
    script = cluster.folder / "plain.sh"
    script.write_text("#!/bin/sh\nexec true\n", encoding="ascii")
    nodes = "\n".join(f"n{1 + i % NODES}" for i in range(PART))
    options = ["--parsable", "--output=/dev/null", "--no-requeue", "--nodes=1", "--gres=gpu:h100:1", "--mem=100M"]
    command = ["xargs", "-P", str(at_once), "-I", "@", "sbatch", *options, "--nodelist=@", str(script)]
    began_s = time.perf_counter()
    done = subprocess.run(command, input=nodes.encode(), env=cluster.environment, stdout=subprocess.PIPE, check=True)
    took_s = time.perf_counter() - began_s
    assert len(done.stdout.split()) == PART
    _clear(cluster)
    return took_s


async def _open(cluster: Cluster) -> tuple[SlurmProvider, dict[NodeId, Node]]:
    folder = cluster.folder / "submitting"
    pool = Pool(name=PoolName("lab"), provider="slurm", options={"conf": str(cluster.conf), "folder": str(folder)})
    context = ProviderContext(pool=pool, folder=folder, instance="bench", wake=lambda: None, blob_path=Path)
    provider = SlurmProvider(context)
    return provider, {node.id: node for node in (await provider.observe_nodes()).nodes}


def _order(nodes: dict[NodeId, Node], index: int) -> StartOrder:
    job = a_job(index + 1, id=JobId(f"b{index + 1}"), request=a_request(gpus=1, cpu=1, memory_mib=100))
    worker = WorkerPlacement(node=list(nodes)[index % len(nodes)], accelerators=(0,))
    attempt = msgspec.structs.replace(an_attempt(job), pool=PoolName("lab"), placement=(worker,))
    return StartOrder(job=job, attempt=attempt, nodes=nodes)


def _clear(cluster: Cluster) -> None:
    cluster.command("scancel", "--state=PENDING", "--partition=main")
    cluster.wait(lambda: cluster.live_jobs() == [])


# From Slurm to the journal


def _journalling(report: Report, cluster: Cluster) -> None:
    """A whole server on this Slurm: each job writes down when it ran and when it was done."""
    began, ended = asyncio.run(_watched(cluster))
    report.at_most("slurm_to_journal_p99_s", quantile([*began, *ended], 0.99), "s", 2.0)
    report.told("slurm_start_to_journal_p50_s", median(began), "s")
    report.told("slurm_end_to_journal_p50_s", median(ended), "s")


async def _watched(cluster: Cluster) -> tuple[Sequence[float], Sequence[float]]:
    home = cluster.folder / "home"
    moments = cluster.folder / "moments"
    moments.mkdir()
    options = {"conf": str(cluster.conf), "folder": str(cluster.folder / "shared")}
    config = ServerConfig(pools=[PoolSettings(name="lab", provider="slurm", options=options)])
    run = f'from=$(date +%s.%N); sleep 2; echo "$from $(date +%s.%N)" > {moments}/$TAUON_ATTEMPT'
    spec = JobSpec.model_validate({"run": run, "resources": {"accelerators": "H100:1", "memory": "100MiB"}})
    database = str(home / "tauon.db")
    async with control_plane(home, database, config) as running:
        plane = running.control_plane_for("bench")
        await plane.submit_many([spec] * WATCHED)
        left = WATCHED
        async for told in plane.watch():
            left -= told.type in ("JobSucceeded", "JobFailed")
            if not left:
                break
    store = SqlStore(database)
    store.open()
    began: dict[AttemptId, float] = {}
    ended: dict[AttemptId, float] = {}
    for event in store.all_events():
        match event.fact:
            case AttemptRunning(attempt_id=attempt):
                began[attempt] = event.at_us / 1e6
            case AttemptEnded(attempt_id=attempt):
                ended[attempt] = event.at_us / 1e6
            case _:
                pass
    store.close()
    said = {AttemptId(path.name): path.read_text().split() for path in moments.iterdir()}
    assert len(said) == WATCHED, len(said)
    starts = [began[attempt] - float(moment[0]) for attempt, moment in said.items()]
    ends = [ended[attempt] - float(moment[1]) for attempt, moment in said.items()]
    return starts, ends
