"""Tests of the command shell."""
