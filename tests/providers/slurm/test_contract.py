"""The Slurm provider keeps the contract of all providers."""

from tests.providers.contract import ProviderContract


class TestSlurm(ProviderContract):
    """On a real Slurm."""
