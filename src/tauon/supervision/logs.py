"""Reading the output of workers from its files: from any offset, to the end or for as long as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tauon.model.errors import NotFound
from tauon.model.ids import AttemptId
from tauon.ports.providers import LogChunk
from tauon.supervision.node.folders import Folders, is_safe_name
from tauon.supervision.node.output import segments

CHUNK_BYTES = 1 << 18
_SOON_S = 0.05
_LATER_S = 0.5


async def read_log(
    folders: Folders, attempt: AttemptId, rank: int, offset: int, *, is_growing: Callable[[], bool] | None
) -> AsyncIterator[LogChunk]:
    """The output from a byte offset on (negative: from the end). With `is_growing`, on until that says no.

    What rotation took away is skipped: a chunk's own offset is its `next_offset` less its length. A reader that
    follows looks again after 50 ms to half a second; when nobody reads, nothing is looked at. Raises NotFound.
    """
    folder = _folder_of(folders, attempt)
    position = offset if offset >= 0 else await asyncio.to_thread(_from_end, folder, rank, offset)
    pause_s = _SOON_S
    while True:
        may_grow = is_growing is not None and is_growing()  # asked before reading: what comes after the end is nothing
        data, position = await asyncio.to_thread(_read, folder, rank, position)
        if data:
            pause_s = _SOON_S
            yield LogChunk(rank=rank, data=data, next_offset=position)
        elif not may_grow:
            return
        else:
            await asyncio.sleep(pause_s)
            pause_s = min(_LATER_S, pause_s * 1.5)


def has_log(folders: Folders, attempt: AttemptId, rank: int) -> bool:
    """Whether there is any output file of this worker."""
    try:
        return bool(segments(_folder_of(folders, attempt), rank))
    except (NotFound, OSError):
        return False


def _folder_of(folders: Folders, attempt: AttemptId) -> Path:
    if not is_safe_name(attempt):
        raise NotFound(f"there is no attempt {attempt}")
    return folders.logs / attempt


def _from_end(folder: Path, rank: int, offset: int) -> int:
    try:
        base, path = segments(folder, rank)[-1]
        return max(0, base + path.stat().st_size + offset)
    except (OSError, IndexError):
        return 0


def _read(folder: Path, rank: int, position: int) -> tuple[bytes, int]:
    """A piece from `position` or the first place after it that is still there, and the offset that follows."""
    try:
        found = segments(folder, rank)
    except OSError:  # not begun yet, or removed
        return b"", position
    for index, (base, path) in enumerate(found):
        is_last = index == len(found) - 1
        if not is_last and found[index + 1][0] <= position:
            continue
        try:
            with path.open("rb") as file:
                file.seek(max(0, position - base))
                data = file.read(CHUNK_BYTES)
        except OSError:  # rotated away meanwhile: the next one is there
            continue
        if data:
            return data, max(position, base) + len(data)
    return b"", position
