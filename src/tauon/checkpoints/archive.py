"""Checkpoints as pieces named by their checksums and a list of them that is written last: whole, or not there at all."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from tauon.checkpoints.places import Place
from tauon.model.errors import Unavailable
from tauon.model.ids import JobId
from tauon.ports.checkpoints import Kept

PIECE_BYTES = 16 << 20  # what an interrupted transfer sends again at most, and what a change in a large file costs
KEPT = 3

logger = logging.getLogger(__name__)


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """One file: where it lies below the folder, and its pieces by SHA-256."""

    path: str
    size: int
    mode: int
    pieces: tuple[str, ...]


class _Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A whole checkpoint."""

    number: int
    files: tuple[_File, ...]


class _Seen(msgspec.Struct, frozen=True):
    """What a file was like when its pieces were last worked out: as long as this is so, they are the same."""

    size: int
    modified_ns: int
    inode: int


class Broken(Exception):
    """A kept checkpoint is not whole."""


class Archive:
    """Implements `ports.checkpoints.CheckpointStore` on a place. One writer a job at a time, as there is one attempt."""

    def __init__(self, place: Place, *, keep: int = KEPT) -> None:
        self._place = place
        self._keep = max(2, keep)  # the one before is what a broken one is passed over for
        self._pieces_of: dict[tuple[JobId, str], tuple[_Seen, tuple[str, ...]]] = {}
        self._sent: dict[JobId, set[str]] = {}

    def newest(self, job: JobId) -> int:
        return max(self._numbers(job), default=0)

    def save(self, job: JobId, folder: Path) -> Kept | None:
        paths = sorted(_files_below(folder))
        sent = 0
        files: list[_File] = []
        known = self._known(job)
        try:
            for path in paths:
                one, more = self._send(job, folder, path, known)
                files.append(one)
                sent += more
            if not files or sorted(_files_below(folder)) != paths:
                return None
        except FileNotFoundError:
            return None  # it was replaced while it was read: the next look finds it at rest
        before = self._numbers(job)
        number = max(before, default=0) + 1
        last = self._read(job, number - 1) if number > 1 else None
        whole = Kept(number=number, files=len(files), bytes_all=sum(f.size for f in files), bytes_sent=sent)
        if last is not None and last.files == tuple(files):
            return msgspec.structs.replace(whole, number=number - 1)
        self._publish(job, _Listing(number=number, files=tuple(files)))
        self._retire(job, [*before, number])
        return whole

    def restore(self, job: JobId, folder: Path) -> Kept | None:
        for number in sorted(self._numbers(job), reverse=True):
            draft = folder.with_name(f".{folder.name}.restoring")
            try:
                listing = self._unpack(job, number, draft)
            except Broken as error:
                logger.warning("checkpoint %d of %s is passed over: %s", number, job, error)
                shutil.rmtree(draft, ignore_errors=True)
                continue
            except OSError as error:
                shutil.rmtree(draft, ignore_errors=True)
                raise Unavailable(f"{draft} can't be written: {error.strerror or error}") from error
            _put_in_place(draft, folder)
            size = sum(one.size for one in listing.files)
            return Kept(number=number, files=len(listing.files), bytes_all=size)
        return None

    def forget(self, job: JobId) -> None:
        self._place.delete_all(job)
        self._sent.pop(job, None)
        for key in [key for key in self._pieces_of if key[0] == job]:
            del self._pieces_of[key]

    # ------------------------------------------------------------- sending

    def _known(self, job: JobId) -> set[str]:
        """The pieces that are there already."""
        known = self._sent.get(job)
        if known is None:
            known = self._sent[job] = set(self._place.names(f"{job}/pieces"))
        return known

    def _send(self, job: JobId, folder: Path, path: str, known: set[str]) -> tuple[_File, int]:
        """One file as it is listed, and how many bytes had to be sent. Raises FileNotFoundError if it changed."""
        before = _look(folder / path)
        cached = self._pieces_of.get((job, path))
        mode = (folder / path).stat().st_mode & 0o777
        if cached is not None and cached[0] == before and known.issuperset(cached[1]):
            return _File(path=path, size=before.size, mode=mode, pieces=cached[1]), 0
        pieces: list[str] = []
        sent = 0
        with (folder / path).open("rb") as opened:
            while piece := opened.read(PIECE_BYTES):
                digest = hashlib.sha256(piece).hexdigest()
                pieces.append(digest)
                if digest not in known:
                    self._place.write(f"{job}/pieces/{digest}", piece)
                    known.add(digest)
                    sent += len(piece)
        if _look(folder / path) != before:
            raise FileNotFoundError(path)
        self._pieces_of[job, path] = before, tuple(pieces)
        return _File(path=path, size=before.size, mode=mode, pieces=tuple(pieces)), sent

    def _publish(self, job: JobId, listing: _Listing) -> None:
        body = msgspec.json.encode(listing)
        digest = hashlib.sha256(body).hexdigest().encode()
        self._place.write(f"{job}/lists/{listing.number:08}", digest + b"\n" + body)

    def _retire(self, job: JobId, numbers: list[int]) -> None:
        """Let go of the oldest, and of the pieces that only they had. What fails here is tried again next time."""
        kept = sorted(numbers)[-self._keep :]
        old = [number for number in numbers if number not in kept]
        if not old:
            return
        try:
            listings = [self._read(job, number) for number in kept]
            if any(listing is None for listing in listings):
                return  # nobody knows which pieces a damaged list needs
            needed = {piece for one in listings if one for file in one.files for piece in file.pieces}
            for number in old:
                self._place.delete(f"{job}/lists/{number:08}")
            for piece in self._known(job) - needed:
                self._place.delete(f"{job}/pieces/{piece}")
                self._known(job).discard(piece)
        except Unavailable as error:
            logger.warning("old checkpoints of %s are still there: %s", job, error)

    # ------------------------------------------------------------- reading

    def _numbers(self, job: JobId) -> list[int]:
        return [int(name) for name in self._place.names(f"{job}/lists") if name.isdigit()]

    def _read(self, job: JobId, number: int) -> _Listing | None:
        """A list, None where it is missing or damaged."""
        found = self._place.read(f"{job}/lists/{number:08}")
        digest, _, body = (found or b"").partition(b"\n")
        if not found or hashlib.sha256(body).hexdigest().encode() != digest:
            return None
        try:
            return msgspec.json.decode(body, type=_Listing)
        except msgspec.DecodeError:
            return None

    def _unpack(self, job: JobId, number: int, draft: Path) -> _Listing:
        """A whole checkpoint in a folder beside. Raises Broken, OSError."""
        listing = self._read(job, number)
        if listing is None:
            raise Broken("its list is damaged")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        for one in listing.files:
            self._fetch(job, one, draft)
        return listing

    def _fetch(self, job: JobId, one: _File, draft: Path) -> None:
        """One file, every piece of it checked. Raises Broken."""
        if PurePosixPath(one.path).is_absolute() or ".." in PurePosixPath(one.path).parts:
            raise Broken(f"{one.path!r} lies outside of the folder")
        path = draft / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as opened:
            for digest in one.pieces:
                piece = self._place.read(f"{job}/pieces/{digest}")
                if piece is None or hashlib.sha256(piece).hexdigest() != digest:
                    self._known(job).discard(digest)
                    raise Broken(f"a piece of {one.path} is {'missing' if piece is None else 'damaged'}")
                opened.write(piece)
        if path.stat().st_size != one.size:
            raise Broken(f"{one.path} has another size than its list says")
        path.chmod(one.mode)


def _files_below(folder: Path) -> Iterator[str]:
    """Regular files, relative to the folder; what is being written under a name that begins with a dot is left out."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(root, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _look(path: Path) -> _Seen:
    found = path.stat()
    return _Seen(found.st_size, found.st_mtime_ns, found.st_ino)


def _put_in_place(draft: Path, folder: Path) -> None:
    """Swap a whole folder in; what was there goes only once the new one is named."""
    old = folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise Unavailable(f"{folder} can't be replaced: {error.strerror or error}") from error
