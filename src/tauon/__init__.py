"""Tauon is one queue for every GPU you can reach."""

__version__ = "0.1.0"
"""The version of the distribution; the build reads it from here and nowhere else."""
