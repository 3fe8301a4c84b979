"""What the gateway is told of a service: its replicas, who may use it, and how long a request may be held."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec


class Address(NamedTuple):
    """Where a replica listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One service. Requests reach it by the first label of their host (`chat.example.org`) or by a path that begins
    with its name (`/chat/v1/...`, which the replica sees as `/v1/...`).

    `keys` are digests (see `digest_of`) of the API keys that open it; with none, nobody is asked. A replica gets at
    most `max_concurrency` requests at a time (None: any number). While none can take one, up to `hold_most` requests
    wait, each up to `hold_s`; what can't wait hears 503, and when to come again.
    """

    service: str
    replicas: tuple[Address, ...] = ()
    keys: frozenset[bytes] = frozenset()
    max_concurrency: int | None = None
    hold_s: float = 60.0
    hold_most: int = 1_000


def digest_of(key: str) -> bytes:
    """A key as it is kept: whoever reads the table can't use it."""
    return hashlib.sha256(key.encode()).digest()
