"""A folder as one archive: the same folder gives the same bytes, so that it is uploaded once."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

import pathspec

from tauon.model.errors import InvalidRequest, InvalidSpec

IGNORE_FILE = ".tauonignore"
BLOB_PREFIX = "blob:"
LIMIT_BYTES = 2**30
_COMPRESSION = 3  # source text gains little from more, and models in a work folder nothing
_PIECE_BYTES = 2**18


class Packed:
    """An archive in a temporary file that vanishes with it: its SHA-256 (hex) and its size in bytes."""

    def __init__(self, file: BinaryIO, digest: str, size: int) -> None:
        self.file = file
        self.digest = digest
        self.size = size

    def read(self) -> bytes:
        """The next piece; empty at the end."""
        return self.file.read(_PIECE_BYTES)

    def rewind(self) -> None:
        self.file.seek(0)

    def close(self) -> None:
        self.file.close()


def pack(folder: str | Path, *, limit_bytes: int = LIMIT_BYTES) -> Packed:
    """Pack a folder, all but `.git` and what `.tauonignore` (in the syntax of .gitignore) leaves out.

    Names are sorted; times, owners and all rights but "may be executed" are left out. Raises InvalidSpec when it is no
    folder, is larger than `limit_bytes` before it is packed, or holds links that lead out of it.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise InvalidSpec(f"workdir: there is no folder {str(root)!r}")
    entries = list(_entries(root))
    _check_size(root, entries, limit_bytes)
    file = tempfile.TemporaryFile(prefix="tauon-workdir-")  # noqa: SIM115 - it is handed on
    try:
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_COMPRESSION, mtime=0) as squeezed,
            tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for path in entries:
                _add(archive, root, path)
        size = file.tell()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
    except OSError as error:
        file.close()
        raise InvalidRequest(f"workdir: {root} could not be packed: {error}") from error
    except BaseException:
        file.close()
        raise
    return Packed(file, digest, size)


def _entries(root: Path) -> Iterator[Path]:
    """Everything below a folder that belongs to it, sorted; a folder comes before what is in it."""
    ignored = _ignored(root)
    pending = [root]
    while pending:
        folder = pending.pop()
        inner = []
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            path = Path(entry.path)
            is_folder = entry.is_dir(follow_symlinks=False)
            name = path.relative_to(root).as_posix()
            if entry.name == ".git" or ignored.match_file(f"{name}/" if is_folder else name):
                continue
            if is_folder:
                inner.append(path)
            elif not (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
                continue  # sockets and pipes are of this machine
            yield path
        pending += reversed(inner)


def _ignored(root: Path) -> pathspec.GitIgnoreSpec:
    try:
        lines = (root / IGNORE_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"workdir: {root / IGNORE_FILE} can't be read: {error}") from error
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidSpec(f"workdir: {root / IGNORE_FILE}: {error}") from error


def _check_size(root: Path, entries: list[Path], limit_bytes: int) -> None:
    """Refuse a folder that is too large, naming what makes it so."""
    sizes: dict[str, int] = {}
    for path in entries:
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            top = path.relative_to(root).parts[0]
            sizes[top] = sizes.get(top, 0) + found.st_size
    total = sum(sizes.values())
    if total <= limit_bytes:
        return
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:3]
    named = ", ".join(f"{name} ({size / 2**20:,.0f} MiB)" for name, size in largest)
    raise InvalidSpec(
        f"workdir: {root} has {total / 2**20:,.0f} MiB, and at most {limit_bytes / 2**20:,.0f} are uploaded; leave out "
        f"what the job does not need in {IGNORE_FILE}. The largest: {named}"
    )


def _add(archive: tarfile.TarFile, root: Path, path: Path) -> None:
    found = path.lstat()
    entry = tarfile.TarInfo(path.relative_to(root).as_posix())
    entry.mode = 0o755 if stat.S_ISDIR(found.st_mode) or found.st_mode & stat.S_IXUSR else 0o644
    if stat.S_ISLNK(found.st_mode):
        entry.type = tarfile.SYMTYPE
        entry.linkname = _link_inside(root, path)
        archive.addfile(entry)
    elif stat.S_ISDIR(found.st_mode):
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    else:
        _add_file(archive, entry, path)


def _add_file(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    file: IO[bytes]
    with path.open("rb") as file:
        entry.size = os.fstat(file.fileno()).st_size
        archive.addfile(entry, file)


def _link_inside(root: Path, path: Path) -> str:
    target = path.readlink()
    goal = os.path.normpath(path.parent.relative_to(root) / target)
    if target.is_absolute() or goal.startswith(".."):
        raise InvalidSpec(
            f"workdir: the link {path.relative_to(root)} leads out of the folder, to {target}; leave it out in "
            f"{IGNORE_FILE}, or give the job that path as an input"
        )
    return str(target)
