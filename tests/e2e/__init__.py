"""Whole servers as their users meet them: real processes, real signals, real files."""
