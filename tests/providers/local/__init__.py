"""Tests of the local provider, with real processes."""
