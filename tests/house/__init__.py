"""Tests of the house: what every room must keep to, whatever it does."""
