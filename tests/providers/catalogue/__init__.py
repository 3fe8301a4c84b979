"""Tests of public price lists."""
