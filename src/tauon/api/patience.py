"""The two ways to wait, under one set of names: the asynchronous client awaits, the generated one blocks."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Pauses before the next try; with a little chance, so that many clients don't come back at once.
PAUSES_S = (0.1, 0.3, 0.9)


def pause_s(failures: int, *, longest_s: float = 5.0) -> float:
    """How long to wait after so many failures in a row."""
    return min(longest_s, 0.1 * 3.0 ** (failures - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


class AsyncWait:
    """Let others run meanwhile."""

    @staticmethod
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)

    @staticmethod
    async def call(slow: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what blocks."""
        return await asyncio.to_thread(slow, *args, **kwargs)


class Wait:
    """Block until it is over."""

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(seconds)

    @staticmethod
    def call(slow: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what blocks."""
        return slow(*args, **kwargs)
