"""Fixtures of the API's tests: a server, and both faces of the client for it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tauon.api.sync_client import Client
from tests.api.plane import MemoryPlane
from tests.api.servers import TOKEN, Served, served


@pytest.fixture(scope="session")
def one_server() -> Iterator[Served]:
    """A server for all tests that leave it as it was."""
    with served() as server:
        yield server


@pytest.fixture
def server(one_server: Served) -> Served:
    """A server over a new plane in memory."""
    one_server.plane = MemoryPlane()
    return one_server


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    """A client that may do everything."""
    with Client(server.url, TOKEN) as client:
        yield client


@pytest.fixture
def http(server: Served) -> Iterator[httpx.Client]:
    """Bare HTTP, with the right token."""
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False) as http:
        yield http
