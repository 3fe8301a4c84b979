"""Fixtures that every room's tests may ask for."""

import os

import pytest
from hypothesis import settings

from tests.postgres import postgres_server, postgres_url

# No test is a timed one, on a busy machine least of all. Where all must agree on a result, the examples are the same.
settings.register_profile("tauon", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tauon")

# Assertions of what several rooms' tests share say what they compared, too.
pytest.register_assert_rewrite("tests.providers.contract", "tests.providers.world")

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that Tauon runs on."""
    return "asyncio"
