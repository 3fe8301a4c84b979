"""Answers as text: the same views at any width, with colour or without."""
