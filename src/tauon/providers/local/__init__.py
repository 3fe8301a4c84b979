"""The local provider: this machine as a pool, with real processes, and GPUs that are there or pretended."""

from tauon.providers.local.provider import LocalProvider

PROVIDER = LocalProvider
