"""The Slurm provider: a cluster's nodes as a pool, its jobs under Tauon's own supervisor."""

from tauon.providers.slurm.provider import SlurmProvider

PROVIDER = SlurmProvider
