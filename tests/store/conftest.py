"""Stores to test: a durable one in each database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tauon.store.sql_store import SqlStore


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is or can be made, of the kind in the test's parameter."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return str(tmp_path / "tauon.db")
    url = request.getfixturevalue("postgres_url")
    assert isinstance(url, str)
    return url


@pytest.fixture
def store(address: str) -> Iterator[SqlStore]:
    """The opened store at the address."""
    store = SqlStore(address)
    store.open()
    with contextlib.closing(store):
        yield store
