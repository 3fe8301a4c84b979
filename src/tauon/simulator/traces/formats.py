"""Which format a trace file is in, told by its first line, and the trace as something that can be read again and again."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from pathlib import Path

import msgspec

from tauon.model.errors import InvalidSpec
from tauon.model.node import Node
from tauon.simulator.traces import acme, helios, openb, philly, sacct, swf
from tauon.simulator.traces.job import Skipped, TraceJob
from tauon.simulator.traces.table import Table, lines_of

Read = Callable[[Path, Skipped], Iterator[TraceJob]]


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """A format of traces: its name, the columns that it must have, and how it is read.

    `marks` are the columns by which it is recognised even when others are missing.
    """

    name: str
    columns: tuple[str, ...]
    marks: tuple[str, ...]
    read: Callable[[Table, Skipped], Iterator[TraceJob]]
    delimiter: str = ","


FORMATS = (
    Format(name="openb", columns=openb.PODS, marks=("gpu_milli", "num_gpu"), read=openb.read_pods),
    Format(name="acme", columns=acme.JOBS, marks=("node_num", "gpu_time"), read=acme.read_jobs),
    Format(name="helios", columns=helios.JOBS, marks=("vc", "gpu_num"), read=helios.read_jobs),
    Format(name="philly", columns=philly.JOBS, marks=("num_gpus",), read=philly.read_jobs),
    Format(name="sacct", columns=sacct.JOBS, marks=("JobID",), read=sacct.read_jobs, delimiter=sacct.DELIMITER),
)


class Trace:
    """A trace file. It is read once to the end before anything is played, so that what is wrong with it comes out first.

    `jobs` then streams it again in order of submission; a file that is in another order is held in memory and sorted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped = Skipped()
        self.format, self._read = _recognised(path)
        self.count = 0
        self.first_us = 0
        self._sorted: list[TraceJob] | None = None
        self._look_through()

    def _look_through(self) -> None:
        last_us, is_ordered = -1, True
        for job in self._read(self.path, self.skipped):
            self.first_us = min(self.first_us, job.at_us) if self.count else job.at_us
            self.count += 1
            is_ordered &= job.at_us >= last_us
            last_us = job.at_us
        if not self.count:
            why = ", ".join(f"{count:,} {reason}" for reason, count in self.skipped.counts.items())
            raise InvalidSpec(f"{self.path}: there is no job to play in it{f' ({why})' if why else ''}")
        if not is_ordered:
            self._sorted = sorted(self._read(self.path, Skipped()), key=attrgetter("at_us"))

    def jobs(self) -> Iterator[TraceJob]:
        """The jobs in order of submission; can be called again."""
        return iter(self._sorted) if self._sorted is not None else self._read(self.path, Skipped())

    def nodes(self) -> list[Node]:
        """The cluster that the trace is from, where the file or one beside it tells; else nothing."""
        folder = self.path.parent
        match self.format:
            case "openb":
                found = next((folder / name for name in openb.NODE_FILES if (folder / name).is_file()), None)
                return list(openb.read_nodes(_checked(found, openb.NODES))) if found else []
            case "philly":
                found = folder / philly.CLUSTER_FILE
                return list(philly.read_clusters(_checked(found, philly.CLUSTERS))) if found.is_file() else []
            case "swf":
                return list(swf.read_nodes(self.path))
            case _:
                return []


def _recognised(path: Path) -> tuple[str, Read]:
    """The name of a file's format, and how to read it. Raises InvalidSpec where it is none that is known."""
    first = next((line for line in lines_of(path) if line.strip()), "")
    words = first.split()
    if first.startswith(";") or (len(words) == swf.FIELDS and "," not in first):
        return "swf", swf.read_jobs
    for one in FORMATS:
        header = {name.strip() for name in next(csv.reader([first], delimiter=one.delimiter), [])}
        if not all(mark in header for mark in one.marks):
            continue
        missing = [column for column in one.columns if column not in header]
        if missing:
            raise InvalidSpec(f"{path}:1: {_missing(one.name, missing, header)}")
        return one.name, partial(_read_table, one)
    known = ", ".join([*(one.name for one in FORMATS), "swf"])
    raise InvalidSpec(
        f"{path}:1: this is no trace that is known here ({known}): its first line is {first.strip()[:80]!r}. "
        "The columns of each format are on the page of the traces in the reference"
    )


def _read_table(which: Format, path: Path, skipped: Skipped) -> Iterator[TraceJob]:
    return which.read(Table(path, delimiter=which.delimiter), skipped)


def _missing(name: str, missing: list[str], header: set[str]) -> str:
    near = difflib.get_close_matches(missing[0], header, 1)
    meant = f"; is it `{near[0]}`?" if near else ""
    columns = ", ".join(missing)
    return f"a trace of the format {name} without {'columns' if len(missing) > 1 else 'column'} {columns}{meant}"


def _checked(path: Path, columns: tuple[str, ...]) -> Table:
    header = {name.strip() for name in next(csv.reader([next(lines_of(path), "")]), [])}
    missing = [column for column in columns if column not in header]
    if missing:
        raise InvalidSpec(f"{path}:1: a list of nodes without {', '.join(missing)}")
    return Table(path)
