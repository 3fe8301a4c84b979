"""Tests of the foresight."""
