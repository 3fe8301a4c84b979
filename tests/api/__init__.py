"""Tests of the HTTP shell and its client, against real servers on loopback."""
