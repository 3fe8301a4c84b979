"""A catalogue of prices as CSV files, one for each seller, in a folder or a zip archive, as gpuhunt publishes them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tauon.model.accelerator import MEMORY_GIB, canonical_type
from tauon.model.errors import ConfigError
from tauon.model.ids import OfferId, PoolName
from tauon.model.market import PoolOffers
from tauon.model.money import Rates, usd_per_h_to_micro
from tauon.model.node import NodeShape
from tauon.model.offer import Offer, PriceSource
from tauon.model.resources import CapacityType

NEEDED = ("instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory", "spot")
DISK_UNKNOWN_MIB = 1 << 40  # disks are sold beside the machine, in any size


class FileCatalogue:
    """Implements `ports.prices.PriceSource` on a path: a CSV file (its name is the seller's), a folder of them, or a zip.

    It is read again when the file has another time or size. A price is as old as the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._offers = PoolOffers(())

    @property
    def name(self) -> str:
        return str(self._path)

    def offers(self) -> PoolOffers:
        """All that the files list; the same object until they change. Raises ConfigError."""
        try:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._offers = PoolOffers(offer for found in self._texts() for offer in _read(*found))
                self._stamp = stamp
        except (OSError, UnicodeDecodeError, zipfile.BadZipFile) as error:
            raise ConfigError(f"the price catalogue {self._path} can't be read: {error}") from None
        return self._offers

    def _stamp_now(self) -> tuple[int, int]:
        files = self._files()
        return max(f.stat().st_mtime_ns for f in files), sum(f.stat().st_size for f in files)

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        found = sorted(self._path.glob("*.csv"))
        if not found:
            raise ConfigError(f"the price catalogue {self._path} has no .csv file")
        return found

    def _texts(self) -> Iterator[tuple[str, str, str, int]]:
        """Each file's text, the seller that it is of, its place for messages, and its time in microseconds."""
        for path in self._files():
            at_us = path.stat().st_mtime_ns // 1000
            if not zipfile.is_zipfile(path):
                yield path.read_text(encoding="utf-8"), path.stem, str(path), at_us
                continue
            with zipfile.ZipFile(path) as archive:
                for name in sorted(n for n in archive.namelist() if n.endswith(".csv")):
                    yield archive.read(name).decode(), Path(name).stem, f"{path}/{name}", at_us


def _read(text: str, seller: str, place: str, at_us: int) -> Iterator[Offer]:
    rows = csv.DictReader(io.StringIO(text))
    missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
    if missing:
        raise ConfigError(f"{place}: no column {', '.join(missing)}; a catalogue has {', '.join(NEEDED)}")
    for row in rows:
        try:
            offer = _offer(row, seller, at_us)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{place}, line {rows.line_num}: {error}") from None
        if offer is not None:
            yield offer


def _offer(row: Mapping[str, str], seller: str, at_us: int) -> Offer | None:
    """One line as an offer; None for machines with accelerators that it does not name. Raises ValueError."""
    count = int(float(row["gpu_count"] or 0))
    if count and not row["gpu_name"]:
        return None
    is_spot = row["spot"].strip().lower() == "true"
    kind = CapacityType.SPOT if is_spot else CapacityType.ON_DEMAND
    cpu_milli = round(float(row["cpu"] or 0) * 1000)
    price = usd_per_h_to_micro(f"{float(row['price'] or 0):.6f}")
    if count:
        rates = Rates(accelerator_micro_usd=round(price / count))
    else:
        rates = Rates(cpu_micro_usd=round(price * 1000 / cpu_milli) if cpu_milli else 0)
    memory_gib = round(float(row["gpu_memory"] or 0)) if count else 0
    return Offer(
        id=OfferId(f"{seller}/{row['location']}/{row['instance_name']}/{count}/{kind}"),
        shape=NodeShape(
            pool=PoolName(seller),
            accelerator=type_named(row["gpu_name"], memory_gib) if count else "",
            accelerator_count=count,
            accelerator_memory_gib=memory_gib,
            cpu_milli=cpu_milli,
            memory_mib=round(float(row["memory"] or 0) * 1024),
            disk_mib=DISK_UNKNOWN_MIB,
            region=row["location"],
            capacity_type=kind,
            rates=rates,
        ),
        priced_at_us=at_us,
        source=PriceSource.CATALOGUE,
        is_priced=price > 0,
        is_obtainable=False,
    )


def type_named(name: str, memory_gib: int) -> str:
    """The field's name of a type as a catalogue names it, told apart by memory where it comes in two sizes."""
    sized = f"{canonical_type(name)}-{memory_gib}GB"
    return sized if sized in MEMORY_GIB else canonical_type(name)
