"""Ports that simulated work has no need of: no uploads, no secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tauon.model.errors import InvalidRequest, NotFound


class NoBlobs:
    """Implements `ports.files.BlobStore`."""

    def path(self, digest: str) -> Path:
        raise NotFound(f"nothing was uploaded as {digest}")

    def has(self, digest: str) -> bool:
        return not digest

    async def put(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        raise InvalidRequest(f"a simulation takes no uploads ({digest}, {chunks})")


class NoSecrets:
    """Implements `ports.files.SecretStore`."""

    def names(self) -> Sequence[str]:
        return ()

    def get(self, name: str) -> str:
        raise NotFound(f"there is no secret {name}")

    def put(self, name: str, value: str) -> None:
        raise InvalidRequest(f"a simulation keeps no secrets ({name}, {len(value)} characters)")

    def delete(self, name: str) -> None:
        raise NotFound(f"there is no secret {name}")
