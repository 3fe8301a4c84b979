"""Kept checkpoints: sent once, published whole, never restored broken; on a folder and on an object store."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tauon.checkpoints import archive as room
from tauon.checkpoints.archive import Archive
from tauon.checkpoints.places import FolderPlace, Place, place_at
from tauon.model.errors import ConfigError, Unavailable
from tauon.model.ids import JobId

J1 = JobId("j1")


class Faulty:
    """A place that refuses writes after a number of them, and counts what is sent."""

    def __init__(self, inner: Place) -> None:
        self.inner = inner
        self.left = 1 << 30
        self.sent = 0

    def write(self, name: str, data: bytes) -> None:
        if self.left <= 0:
            raise Unavailable("the bucket refuses writes")
        self.left -= 1
        self.sent += len(data)
        self.inner.write(name, data)

    def read(self, name: str) -> bytes | None:
        return self.inner.read(name)

    def names(self, folder: str) -> Iterator[str]:
        return self.inner.names(folder)

    def delete(self, name: str) -> None:
        self.inner.delete(name)

    def delete_all(self, folder: str) -> None:
        self.inner.delete_all(folder)


@pytest.fixture(params=["folder", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return FolderPlace(tmp_path / "kept")
    pytest.importorskip("fsspec")
    return place_at(f"memory://kept-{tmp_path.name}-{random.randrange(1 << 40)}")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What a job saved: a small file and a large one, in two folders."""
    folder = tmp_path / "checkpoint"
    write(folder / "state.json", b'{"step": 10}')
    write(folder / "shards" / "0.bin", random.Random(1).randbytes(100_000))
    return folder


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PIECE_BYTES", 10_000)


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_was_saved_comes_back_as_it_was(place: Place, saved: Path, tmp_path: Path) -> None:
    (saved / "state.json").chmod(0o750)
    kept = Archive(place).save(J1, saved)
    assert kept is not None
    assert (kept.number, kept.files, kept.bytes_all, kept.bytes_sent) == (1, 2, 100_012, 100_012)
    elsewhere = tmp_path / "elsewhere" / "checkpoint"
    write(elsewhere / "stale.bin", b"of an attempt before")
    restored = Archive(place).restore(J1, elsewhere)
    assert restored is not None
    assert restored.number == 1
    assert contents(elsewhere) == contents(saved)
    assert (elsewhere / "state.json").stat().st_mode & 0o777 == 0o750


def test_only_what_changed_is_sent(place: Place, saved: Path) -> None:
    archive = Archive(place)
    archive.save(J1, saved)
    same = archive.save(J1, saved)
    assert same is not None
    assert (same.number, same.bytes_sent) == (1, 0)
    data = bytearray((saved / "shards/0.bin").read_bytes())
    data[55_555] ^= 1
    write(saved / "shards/0.bin", bytes(data))
    for archive_of_another_process in (archive, Archive(place)):
        kept = archive_of_another_process.save(J1, saved)
        assert kept is not None
        assert kept.number == 2
        assert kept.bytes_sent in (10_000, 0)


def test_an_interrupted_transfer_goes_on_and_is_not_seen_until_it_is_whole(
    place: Place, saved: Path, tmp_path: Path
) -> None:
    faulty = Faulty(place)
    faulty.left = 5
    with pytest.raises(Unavailable, match="refuses writes"):
        Archive(faulty).save(J1, saved)
    assert Archive(place).newest(J1) == 0
    assert Archive(place).restore(J1, tmp_path / "elsewhere") is None
    faulty.left = 1 << 30
    kept = Archive(faulty).save(J1, saved)
    assert kept is not None
    assert kept.bytes_sent == 100_012 - 5 * 10_000


@pytest.mark.parametrize("damage", ["cut", "changed", "missing"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    place: Place, saved: Path, tmp_path: Path, damage: str
) -> None:
    archive = Archive(place)
    archive.save(J1, saved)
    good = contents(saved)
    before = set(place.names("j1/pieces"))
    write(saved / "shards/0.bin", random.Random(2).randbytes(50_000))
    archive.save(J1, saved)
    [*new] = set(place.names("j1/pieces")) - before
    name = f"j1/pieces/{new[0]}"
    data = place.read(name) or b""
    match damage:
        case "cut":
            place.write(name, data[:-1])
        case "changed":
            place.write(name, bytes([data[0] ^ 1]) + data[1:])
        case _:
            place.delete(name)
    archive = Archive(place)
    restored = archive.restore(J1, tmp_path / "elsewhere")
    assert restored is not None
    assert restored.number == 1
    assert contents(tmp_path / "elsewhere") == good
    archive.save(J1, saved)  # what was found damaged is sent again
    restored = archive.restore(J1, tmp_path / "elsewhere")
    assert restored is not None
    assert restored.number == 2
    assert contents(tmp_path / "elsewhere") == contents(saved)


def test_a_damaged_list_is_passed_over_too(place: Place, saved: Path, tmp_path: Path) -> None:
    archive = Archive(place)
    archive.save(J1, saved)
    write(saved / "state.json", b'{"step": 20}')
    archive.save(J1, saved)
    text = place.read("j1/lists/00000002") or b""
    place.write("j1/lists/00000002", text.replace(b"state", b"stale"))
    restored = Archive(place).restore(J1, tmp_path / "elsewhere")
    assert restored is not None
    assert restored.number == 1
    assert (tmp_path / "elsewhere/state.json").read_bytes() == b'{"step": 10}'


def test_a_list_that_names_files_outside_is_not_followed(place: Place, saved: Path, tmp_path: Path) -> None:
    archive = Archive(place)
    archive.save(J1, saved)
    listing = archive._read(J1, 1)
    assert listing is not None
    escaped = room._File(path="../outside", size=12, mode=0o600, pieces=listing.files[-1].pieces)
    archive._publish(J1, room._Listing(number=2, files=(escaped,)))
    restored = archive.restore(J1, tmp_path / "elsewhere" / "checkpoint")
    assert restored is not None
    assert restored.number == 1
    assert not (tmp_path / "elsewhere" / "outside").exists()


def test_old_ones_go_with_the_pieces_that_only_they_had(place: Place, saved: Path) -> None:
    archive = Archive(place, keep=2)
    for step in range(5):
        write(saved / "state.json", f'{{"step": {step}}}'.encode())
        archive.save(J1, saved)
    assert sorted(place.names("j1/lists")) == ["00000004", "00000005"]
    assert len(list(place.names("j1/pieces"))) == 10 + 2
    archive.forget(J1)
    assert archive.newest(J1) == 0
    assert list(place.names("j1/pieces")) == []


def test_what_changes_while_it_is_read_is_left_for_the_next_time(
    place: Place, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(place)
    looks = iter(range(1 << 20))
    real = room._look

    def unsteady(path: Path) -> object:
        os.utime(path, ns=(1, next(looks)))
        return real(path)

    monkeypatch.setattr(room, "_look", unsteady)
    assert archive.save(J1, saved) is None
    assert archive.newest(J1) == 0
    monkeypatch.setattr(room, "_look", real)
    assert archive.save(J1, saved) is not None


def test_nothing_is_kept_of_nothing_or_of_what_is_being_written(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    assert Archive(place).save(J1, folder) is None
    write(folder / ".state.json.tmp", b"half")
    assert Archive(place).save(J1, folder) is None


def test_a_place_that_is_not_known_is_said() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(ConfigError, match="checkpoints: nowhere://x"):
        place_at("nowhere://x")


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path, saved: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(Unavailable, match="can't be"):
        Archive(FolderPlace(tmp_path / "kept")).save(J1, saved)
