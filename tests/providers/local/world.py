"""This machine as the engine under test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tauon.model.ids import PoolName
from tauon.model.pool import Pool
from tauon.ports.providers import Provider, ProviderContext
from tauon.providers.local import PROVIDER
from tauon.supervision.node.identity import process_table
from tests.providers.world import World


class LocalWorld(World):
    """A local pool with eight virtual H100s."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder)
        self.options: dict[str, object] = {"virtual_gpus": "H100:8"} | options

    def pool(self) -> Pool:
        return Pool(name=PoolName("laptop"), provider="local", options=self.options)

    def create(self, context: ProviderContext) -> Provider:
        return PROVIDER(context)

    def processes(self) -> Sequence[str]:
        """Those that carry the mark of this world in the variables that they were started with."""
        mark = f"TAUON_INSTANCE={self.instance}".encode()
        return [f"{row.pid} {command_of(row.pid)}" for row in process_table() if mark in environment_of(row.pid)]


def environment_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
