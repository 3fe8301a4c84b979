"""One Slurm for all tests of this folder, and a fresh pool on it for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.providers.slurm.cluster import Cluster, missing
from tests.providers.slurm.world import SlurmWorld


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    one = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        one.start()
        yield one
    finally:
        one.close()


@pytest.fixture
async def world(tmp_path: Path, cluster: Cluster) -> AsyncIterator[SlurmWorld]:
    one = SlurmWorld(tmp_path, cluster)
    yield one
    await one.finish()
