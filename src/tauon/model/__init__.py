"""The nouns of Tauon as frozen values, and the one fold that turns events into state.

Nothing here reads a clock, draws a random number or does I/O: times, ids and seeds are given.
"""
