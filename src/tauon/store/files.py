"""What is kept in files beside the database: uploaded archives, secrets and login tokens, readable by the owner alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import secrets as randomness
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tauon.model.errors import ConfigError, InvalidRequest, NotFound, StorageUnavailable

LARGEST_BLOB_BYTES = 2 * 1024**3
_DIGEST = re.compile(r"[0-9a-f]{64}")


def private_folder(path: Path) -> Path:
    """A folder that only its owner may enter, made if need be. Raises ConfigError when that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"can't make the folder {path}: {error.strerror}; choose another with --home") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"the folder {path} can't be written to; choose another with --home")
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, mode 0600, durably. Raises StorageUnavailable."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageUnavailable(f"can't write {path}: {error.strerror}") from error


class FileBlobs:
    """`BlobStore` in a folder: one file for each archive, named by its digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)

    def path(self, digest: str) -> Path:
        if not self.has(digest):
            raise NotFound(f"no archive {digest} has been uploaded")
        return self._folder / digest

    def has(self, digest: str) -> bool:
        return bool(_DIGEST.fullmatch(digest)) and (self._folder / digest).is_file()

    async def put(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        if not _DIGEST.fullmatch(digest):
            raise InvalidRequest("an archive is named by the SHA-256 of its bytes, in 64 hex digits")
        try:
            incoming = _Incoming(self._folder)
            try:
                async for chunk in chunks:
                    incoming.add(chunk)
                await asyncio.to_thread(incoming.keep, digest)
            finally:
                incoming.discard()
        except OSError as error:
            raise StorageUnavailable(f"can't keep the archive: {error.strerror}") from error


class _Incoming:
    """An archive on its way in, under a name that nobody looks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        handle, name = tempfile.mkstemp(dir=folder, prefix=".incoming.")
        self._path = Path(name)
        self._file = os.fdopen(handle, "wb")
        self._seen = hashlib.sha256()
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Raises InvalidRequest when it grows too large."""
        self._size += len(chunk)
        if self._size > LARGEST_BLOB_BYTES:
            raise InvalidRequest(f"an archive may have {LARGEST_BLOB_BYTES // 1024**3} GiB at most")
        self._seen.update(chunk)
        self._file.write(chunk)

    def keep(self, digest: str) -> None:
        """Make it durable under its digest. Raises InvalidRequest if that is not its digest."""
        if self._seen.hexdigest() != digest:
            raise InvalidRequest("the archive does not have the digest it was announced with; upload it again")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.replace(self._folder / digest)

    def discard(self) -> None:
        """Let go of what was not kept."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class FileSecrets:
    """`SecretStore` in one file of mode 0600."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StorageUnavailable(f"can't read the secrets in {self._path}: {error}") from error
        return {str(name): str(value) for name, value in found.items()}

    def names(self) -> Sequence[str]:
        return sorted(self._read())

    def get(self, name: str) -> str:
        found = self._read()
        if name not in found:
            raise NotFound(f"no secret is stored as {name}; store it with `tauon secret set {name}`")
        return found[name]

    def put(self, name: str, value: str) -> None:
        write_private(self._path, json.dumps(self._read() | {name: value}).encode())

    def delete(self, name: str) -> None:
        found = self._read()
        if name not in found:
            raise NotFound(f"no secret is stored as {name}")
        del found[name]
        write_private(self._path, json.dumps(found).encode())


class FileTokens:
    """Who may log in: user names by the SHA-256 of their tokens; a token itself is shown once and never kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, str] = {}

    def users(self) -> dict[str, str]:
        """Users by token digest, read again when the file has changed."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._users, self._stamp = {}, None
            return self._users
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            try:
                self._users = dict(json.loads(self._path.read_bytes()))
            except (OSError, ValueError) as error:
                raise ConfigError(f"can't read the logins in {self._path}: {error}") from error
            self._stamp = stamp
        return self._users

    def names(self) -> list[str]:
        """Everybody with a token."""
        return sorted(set(self.users().values()))

    def authenticate(self, token: str) -> str | None:
        """The user whose token this is; looked up by digest, so that the time it takes tells nothing of any token."""
        return self.users().get(hashlib.sha256(token.encode()).hexdigest())

    def create(self, user: str) -> str:
        """A new token for a user, in place of the one before."""
        token = "tauon_" + randomness.token_urlsafe(32)
        kept = {digest: name for digest, name in self.users().items() if name != user}
        kept[hashlib.sha256(token.encode()).hexdigest()] = user
        write_private(self._path, json.dumps(kept).encode())
        return token

    def revoke(self, user: str) -> None:
        """Let nobody in as this user. Raises NotFound."""
        kept = {digest: name for digest, name in self.users().items() if name != user}
        if len(kept) == len(self.users()):
            raise NotFound(f"{user} has no login")
        write_private(self._path, json.dumps(kept).encode())
