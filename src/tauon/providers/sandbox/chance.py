"""Chance by seed and by what it decides about: the same market for everybody who asks, in whatever order."""

from __future__ import annotations

import math
from hashlib import blake2b


def unit(seed: int, *about: object) -> float:
    """Evenly between 0 and 1, by the seed and what is asked about alone."""
    text = "\x1f".join(map(str, about)).encode()
    return int.from_bytes(blake2b(text, digest_size=8, key=str(seed).encode()[:64]).digest()) / 2**64


def exponential(mean: float, seed: int, *about: object) -> float:
    """Exponentially distributed with this mean."""
    return -mean * math.log(1.0 - unit(seed, *about))
