"""Ports for what is kept beside the journal: uploaded folders and secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """Uploaded archives, each named by the SHA-256 of its bytes (64 hex digits)."""

    def path(self, digest: str) -> Path:
        """Where a blob lies. Raises NotFound."""
        ...

    def has(self, digest: str) -> bool: ...

    async def put(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        """Take a blob in; raises InvalidRequest if the bytes don't have that digest or are too many."""
        ...


class SecretStore(Protocol):
    """Values by name; they never enter the journal, a log or a listing."""

    def names(self) -> Sequence[str]: ...

    def get(self, name: str) -> str:
        """Raises NotFound."""
        ...

    def put(self, name: str, value: str) -> None: ...

    def delete(self, name: str) -> None:
        """Raises NotFound."""
        ...
