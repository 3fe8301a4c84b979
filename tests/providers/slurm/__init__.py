"""Tests of the Slurm provider, against a real Slurm."""
