"""The whole of Tauon on a Slurm pool: from a job's document to its output, its state and its bill."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tauon.main.embedded import control_plane
from tauon.model.job import JobState
from tauon.model.job_spec import JobSpec
from tauon.service.config import PoolSettings, ServerConfig
from tauon.service.control_plane import LogQuery
from tests.providers.slurm.cluster import Cluster

pytestmark = pytest.mark.anyio


async def test_a_job_is_placed_on_a_node_of_slurm_runs_and_succeeds(cluster: Cluster, tmp_path: Path) -> None:
    options = {"conf": str(cluster.conf), "folder": str(tmp_path / "shared"), "poll_s": 0.2}
    pool = PoolSettings(name="lab", provider="slurm", options=options, prices_usd_per_h={"H100": "2"})
    run = 'echo "$TAUON_ACCELERATOR_TYPE $CUDA_VISIBLE_DEVICES $SLURMD_NODENAME"'
    spec = JobSpec.model_validate({"run": run, "resources": {"accelerators": "H100:2", "memory": "100MiB"}})
    async with control_plane(tmp_path / "home", str(tmp_path / "tauon.db"), ServerConfig(pools=[pool])) as running:
        plane = running.control_plane_for("ada")
        assert {(node.accelerator, node.accelerators) for node in await plane.nodes()} == {("H100", 8)}
        submitted = await plane.submit(spec)
        async with asyncio.timeout(60):
            async for event in plane.watch():
                if event.type in ("JobSucceeded", "JobFailed"):
                    break
        job = (await plane.job(submitted.id)).job
        assert job.state is JobState.SUCCEEDED, job.message
        said = b"".join([chunk.data async for chunk in plane.logs(submitted.id, LogQuery())])
    kind, devices, node = said.decode().split()
    assert (kind, devices) == ("H100", "0,1")
    assert node in {"n1", "n2", "n3", "n4"}
