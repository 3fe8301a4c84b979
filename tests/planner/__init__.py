"""Tests of the decisions, step by step."""
