"""Fixtures that every room's tests may ask for."""

import pytest

from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that Tauon runs on."""
    return "asyncio"
