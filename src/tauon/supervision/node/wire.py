"""What the head of a gang and its hands on other machines say to each other: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypedDict


class Command(TypedDict, total=False):
    """To every hand: `do` is prepare, start (with `script`, and `port` for MASTER_PORT), groups or all (with `signal`), end."""

    do: str
    script: str
    port: str
    signal: int


class News(TypedDict, total=False):
    """From one hand: that it is there or is done with a step (`step`), exits by rank, whether processes are left."""

    host: str
    step: str
    error: str
    port: str
    exits: list[tuple[int, int]]
    left: bool


def encode(message: Command | News) -> bytes:
    return json.dumps(message).encode() + b"\n"


class Lines:
    """Puts pieces together to lines and lines to messages; what is no message (an engine's own words) goes to `other`."""

    def __init__(self, heard: Callable[[Any], None], other: Callable[[str], None]) -> None:
        self._heard = heard
        self._other = other
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if isinstance(message, dict):
                self._heard(message)
            elif line.strip():
                self._other(line.decode(errors="replace"))
