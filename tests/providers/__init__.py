"""Tests of the providers: one contract that all of them keep, and what is special to each."""
