"""Tests of usage, cost and the bill."""
