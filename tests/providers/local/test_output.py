"""Output is bounded, rotated without a byte out of place, and readable while it comes."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tauon.model.ids import AttemptId
from tauon.supervision.logs import read_log
from tauon.supervision.node.folders import Folders
from tauon.supervision.node.output import RotatedLog, segments
from tests.providers.local.world import LocalWorld

MIB = 1 << 20


def a_log(folder: Path, *, segment_bytes: int = 10, keep: int = 3) -> RotatedLog:
    return RotatedLog(folder, 0, segment_bytes=segment_bytes, keep=keep)


async def everything(root: Path, offset: int = 0) -> tuple[bytes, int]:
    """All that can be read from an offset on, and the offset of its first byte."""
    data, first = b"", -1
    async for chunk in read_log(Folders(root), AttemptId("j1-1"), 0, offset, is_growing=None):
        first = chunk.next_offset - len(chunk.data) if first < 0 else first
        data += chunk.data
    return data, first


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Folders(tmp_path).create()
    (tmp_path / "logs" / "j1-1").mkdir()
    return tmp_path / "logs" / "j1-1"


@pytest.mark.anyio
async def test_offsets_mean_the_same_before_and_after_rotation(tmp_path: Path, folder: Path) -> None:
    log = a_log(folder)
    log.write(b"0123456789abcdefghij")
    assert [base for base, _ in segments(folder, 0)] == [0, 10]
    assert await everything(tmp_path, 8) == (b"89abcdefghij", 8)
    log.write(b"ABCDEFGHIJ0123456789")
    log.close()
    assert [base for base, _ in segments(folder, 0)] == [10, 20, 30]
    assert await everything(tmp_path, 8) == (b"abcdefghijABCDEFGHIJ0123456789", 10)
    assert await everything(tmp_path, 25) == (b"FGHIJ0123456789", 25)
    assert await everything(tmp_path, 40) == (b"", -1)
    assert await everything(tmp_path, -4) == (b"6789", 36)


def write_past_a_fault(folder: Path) -> None:
    log = a_log(folder)
    log.write(b"before")
    shutil.rmtree(folder)
    log.write(b"....")  # still goes to the file that has no name any more
    log.write(b"lost")
    folder.mkdir()
    log._retry_at = 0.0
    log.write(b"after")
    log.close()


@pytest.mark.anyio
async def test_output_that_a_full_disk_swallowed_leaves_a_gap(tmp_path: Path, folder: Path) -> None:
    write_past_a_fault(folder)
    assert await everything(tmp_path) == (b"after", 14)


@pytest.mark.anyio
async def test_output_under_load_is_bounded_and_whole(tmp_path: Path) -> None:
    world = LocalWorld(tmp_path, log_max_mib=1)
    provider = await world.open()
    order = world.order("seq 1 400000")  # 2.6 MiB
    attempt = await world.started(provider, order)
    await world.ended(provider, attempt)
    kept = sum(path.stat().st_size for _, path in segments(world.folder / "provider" / "logs" / attempt, 0))
    assert MIB * 7 // 8 <= kept <= MIB
    data, last = b"", 0
    async for chunk in provider.logs(attempt, rank=0, offset=0, follow=True):
        data += chunk.data
        last = chunk.next_offset
    whole = b"".join(b"%d\n" % number for number in range(1, 400001))
    assert last == len(whole)
    assert whole.endswith(data)
    assert len(data) == kept
    await world.finish()


@pytest.mark.anyio
async def test_a_reader_that_keeps_up_misses_nothing(world: LocalWorld) -> None:
    provider = await world.open()
    order = world.order("for i in $(seq 1 50); do seq $i 1000; done", workers=2)
    await provider.start([order])
    first, second = await asyncio.gather(*(world.output(provider, order.attempt.id, rank=rank) for rank in (0, 1)))
    whole = b"".join(b"%d\n" % number for start in range(1, 51) for number in range(start, 1001))
    assert first == second == whole


@pytest.mark.anyio
async def test_a_huge_line_comes_through(world: LocalWorld) -> None:
    provider = await world.open()
    order = world.order("head -c 3000000 /dev/zero | tr '\\0' x")
    await world.ran(provider, order)
    assert await world.output(provider, order.attempt.id) == b"x" * 3_000_000


@pytest.mark.anyio
async def test_a_worker_that_closes_its_output_runs_on(world: LocalWorld) -> None:
    provider = await world.open()
    gate = world.gate()
    order = world.order(f"echo bye; exec >&- 2>&-; {gate.wait}; exit 9")
    attempt = await world.started(provider, order)
    await world.says(provider, attempt, "bye")
    gate.open()
    assert (await world.ended(provider, attempt)).exit_codes == (9,)
