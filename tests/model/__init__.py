"""Tests of the nouns, their indexes and the fold."""
