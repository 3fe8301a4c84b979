"""Tests of the gateway, with real servers on loopback."""
