"""Where kept bytes lie: a folder on this machine, or any store that fsspec knows (s3, gs, abfs and others by extras)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tauon.model.errors import ConfigError, Unavailable


class Place(Protocol):
    """Objects by name (with / between the parts); a write is seen whole or not at all. Raises Unavailable."""

    def write(self, name: str, data: bytes) -> None: ...

    def read(self, name: str) -> bytes | None:
        """None when there is no such object."""
        ...

    def names(self, folder: str) -> Iterator[str]:
        """The names right below a folder, without it."""
        ...

    def delete(self, name: str) -> None:
        """Also when it is not there."""
        ...

    def delete_all(self, folder: str) -> None: ...


class FolderPlace:
    """A folder, which may be a network file system; a file is renamed into its place once it is on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:
        path = self._root / name
        draft = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with draft.open("wb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            draft.replace(path)
        except OSError as error:
            raise Unavailable(f"{path} can't be written: {error.strerror or error}") from error

    def read(self, name: str) -> bytes | None:
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"{self._root / name} can't be read: {error.strerror or error}") from error

    def names(self, folder: str) -> Iterator[str]:
        try:
            yield from (path.name for path in (self._root / folder).iterdir() if not path.name.startswith("."))
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unavailable(f"{self._root / folder} can't be read: {error.strerror or error}") from error

    def delete(self, name: str) -> None:
        try:
            (self._root / name).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"{self._root / name} can't be deleted: {error.strerror or error}") from error

    def delete_all(self, folder: str) -> None:
        shutil.rmtree(self._root / folder, ignore_errors=True)


class FsspecPlace:
    """A store reached through fsspec. Object stores publish each object whole, so nothing is renamed."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self._files = filesystem
        self._root = root.rstrip("/")

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def write(self, name: str, data: bytes) -> None:
        self._try(lambda: self._files.pipe_file(self._at(name), data), name)

    def read(self, name: str) -> bytes | None:
        try:
            found = self._files.cat_file(self._at(name))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise Unavailable(f"{self._at(name)} can't be read: {error}") from error
        return bytes(found)

    def names(self, folder: str) -> Iterator[str]:
        try:
            found = self._files.ls(self._at(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return
        except Exception as error:
            raise Unavailable(f"{self._at(folder)} can't be read: {error}") from error
        yield from (str(path).rstrip("/").rpartition("/")[2] for path in found)

    def delete(self, name: str) -> None:
        self._try(lambda: self._files.rm_file(self._at(name)) if self._files.exists(self._at(name)) else None, name)

    def delete_all(self, folder: str) -> None:
        at = self._at(folder)
        self._try(lambda: self._files.rm(at, recursive=True) if self._files.exists(at) else None, folder)

    def _try(self, act: Any, name: str) -> None:
        try:
            act()
        except Exception as error:
            raise Unavailable(f"{self._at(name)} can't be written: {error}") from error


def place_at(url: str) -> Place:
    """The place that a path or an address such as s3://bucket/prefix names. Raises ConfigError."""
    if "://" not in url or url.startswith("file://"):
        return FolderPlace(Path(url.removeprefix("file://")).expanduser())
    try:
        filesystem, root = import_module("fsspec.core").url_to_fs(url)
    except ImportError as error:
        raise ConfigError(
            f"checkpoints: {url} needs a package that is not there ({error.name or error}); "
            "pip install 'tauon[checkpoints]' and the one for its store: s3fs, gcsfs or adlfs"
        ) from error
    except ValueError as error:
        raise ConfigError(f"checkpoints: {url}: {error}") from error
    return FsspecPlace(filesystem, root)
