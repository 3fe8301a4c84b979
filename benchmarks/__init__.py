"""Benchmarks, each run by hand with `make bench-NAME`; none of them is a timed test."""
