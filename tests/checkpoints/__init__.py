"""Tests of checkpoints that travel."""
