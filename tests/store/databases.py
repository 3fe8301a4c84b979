"""Both databases, as a parameter of tests that hold for each."""

import pytest

SQLITE = "sqlite"
POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)

on_both = pytest.mark.parametrize("address", [SQLITE, POSTGRES], indirect=True)
