"""Traces of real clusters as work to be played: one small file for each format, found by the header of the file."""
