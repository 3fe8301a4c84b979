"""The local provider keeps the contract of all providers."""

from tests.providers.contract import ProviderContract


class TestLocal(ProviderContract):
    """On this machine."""
