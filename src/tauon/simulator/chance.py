"""Chance by seed and by what it decides about, so that two policies meet the same luck, whatever order they ask in."""

from __future__ import annotations

import math
from hashlib import blake2b


class Chance:
    """Numbers that depend on the seed and on what is asked about, and on nothing else: no state, no hash of the process."""

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()[:64]

    def unit(self, *about: object) -> float:
        """Evenly between 0 and 1."""
        text = "\x1f".join(map(str, about)).encode()
        return int.from_bytes(blake2b(text, digest_size=8, key=self._key).digest()) / 2**64

    def happens(self, rate: float, *about: object) -> bool:
        """Whether something with this probability happens."""
        return rate > 0 and self.unit(*about) < rate

    def exponential(self, mean: float, *about: object) -> float:
        """Exponentially distributed with this mean."""
        return -mean * math.log(1.0 - self.unit(*about))
