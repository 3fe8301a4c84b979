"""Tests of the pretended clouds."""
