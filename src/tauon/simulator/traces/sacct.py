"""Slurm's accounting, as `sacct --parsable2 --allusers --format=...` prints it: one row for each job and each step."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tauon.model.accelerator import canonical_type
from tauon.model.quantity import parse_memory_mib
from tauon.model.resources import MILLI
from tauon.simulator.traces.job import Skipped, TraceJob
from tauon.simulator.traces.table import Row, Table

JOBS = ("JobID", "Submit")
DELIMITER = "|"
_ELAPSED = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?")
_GPUS = re.compile(r"gres/gpu(?::([^=]+))?=(\d+)")
_AMOUNT = re.compile(r"(?:^|,)(cpu|mem)=([^,]+)")


def read_jobs(table: Table, skipped: Skipped) -> Iterator[TraceJob]:
    """A job for each row that is no step of a job and that ran; its account is its queue."""
    for row in table.rows():
        if "." in row.text("JobID"):
            continue
        duration_s = _duration_s(row)
        if duration_s <= 0:
            skipped.add("never started", row.place)
            continue
        gpus, kinds, cpu_milli, memory_mib = _amounts(row)
        yield TraceJob(
            at_us=row.moment_us("Submit"),
            duration_s=duration_s,
            name=row.text("JobName"),
            user=row.text("User"),
            queue=row.text("Account") or row.text("Partition"),
            workers=0 if gpus else 1,
            accelerators_milli=gpus * MILLI,
            kinds=kinds,
            cpu_milli=0 if gpus else cpu_milli,
            memory_mib=0 if gpus else memory_mib,
        )


def _duration_s(row: Row) -> float:
    if row.has("ElapsedRaw"):
        return row.number_in("ElapsedRaw", most=1e10)
    if row.has("Elapsed"):
        match = _ELAPSED.fullmatch(row.text("Elapsed"))
        if match is None:
            raise row.wrong("Elapsed", f"expected [days-]hours:minutes:seconds, found {row.text('Elapsed')!r}")
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds
    if row.has("Start") and row.has("End"):
        duration_us = row.moment_us("End") - row.moment_us("Start")
        if duration_us < 0:
            raise row.wrong("End", "it ended before it started")
        return duration_us / 1e6
    return 0.0


def _amounts(row: Row) -> tuple[int, tuple[str, ...], int, int]:
    """GPUs of the whole job and their types, cores in thousandths, memory in MiB."""
    column = next((c for c in ("AllocTRES", "ReqTRES", "AllocGRES") if row.has(c)), "")
    text = row.text(column) if column else ""
    typed = [(kind, int(count)) for kind, count in _GPUS.findall(text)]
    gpus = max((count for kind, count in typed if not kind), default=0) or sum(count for _, count in typed)
    kinds = tuple(canonical_type(kind) for kind, _ in typed if kind)
    given = dict(_AMOUNT.findall(text))
    try:
        cores = int(given.get("cpu") or row.text("AllocCPUS") or row.text("NCPUS") or 1)
        memory_mib = parse_memory_mib(f"{given['mem']}i") if "mem" in given else 0
    except ValueError as error:
        raise row.wrong(column or "NCPUS", f"can't be read ({error})") from error
    return gpus, kinds, cores * MILLI, memory_mib
