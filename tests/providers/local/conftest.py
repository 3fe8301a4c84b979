"""A fresh pool for each test, which must leave no process behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.providers.local.world import LocalWorld


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    one = LocalWorld(tmp_path)
    yield one
    await one.finish()
