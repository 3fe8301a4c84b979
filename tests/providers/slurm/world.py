"""A pool on the test's own Slurm as the engine under test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tauon.model.ids import PoolName
from tauon.model.pool import Pool
from tauon.ports.providers import Provider, ProviderContext
from tauon.providers.slurm import PROVIDER
from tauon.supervision.node.identity import process_table
from tests.providers.slurm.cluster import Cluster
from tests.providers.world import World


class SlurmWorld(World):
    """A pool of all nodes of a cluster."""

    def __init__(self, folder: Path, cluster: Cluster, **options: Any) -> None:
        super().__init__(folder)
        self.cluster = cluster
        self.options: dict[str, object] = {
            "conf": str(cluster.conf),
            "folder": str(cluster.folder / "shared"),
            "poll_s": 0.1,
            "nodes_poll_s": 0.5,
            "completion_log": str(cluster.folder / "completion.log"),
        } | options

    def pool(self) -> Pool:
        return Pool(name=PoolName("lab"), provider="slurm", options=self.options)

    def create(self, context: ProviderContext) -> Provider:
        return PROVIDER(context)

    def processes(self) -> Sequence[str]:
        """Those that carry the mark of this world in the variables that they were started with."""
        mark = f"TAUON_INSTANCE={self.instance}".encode()
        return [str(row.pid) for row in process_table() if not row.is_gone and mark in _environment(row.pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
