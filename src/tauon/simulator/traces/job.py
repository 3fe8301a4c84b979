"""One job of a trace, whatever format it came in, and the count of what was left out and why."""

from __future__ import annotations

from collections import Counter

import msgspec

from tauon.model.resources import MILLI


class TraceJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a trace tells about a job. `at_us` counts from any zero; the first job of a trace sets the start.

    Traces mostly give the accelerators of the whole job and not its shape: `accelerators_milli` is that sum (below
    1,000 it is a share of one), and `workers` 0 means that the gang is cut to fit the nodes. With `workers` given,
    `accelerators_milli`, `cpu_milli` and `memory_mib` are for each of them. `kinds` are acceptable accelerator types,
    best first; none: any.
    """

    at_us: int
    duration_s: float
    name: str = ""
    user: str = ""
    queue: str = ""
    workers: int = 0
    accelerators_milli: int = 0
    kinds: tuple[str, ...] = ()
    cpu_milli: int = 0
    memory_mib: int = 0

    @property
    def accelerators(self) -> float:
        """Accelerators of the whole job."""
        return self.accelerators_milli * max(1, self.workers) / MILLI


class Skipped:
    """How many rows were left out, by reason, with the place of the first of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def add(self, reason: str, place: str) -> None:
        """Leave one row out."""
        self.counts[reason] += 1
        self.first.setdefault(reason, place)

    def clear(self) -> None:
        """Begin to count anew, as the trace is read again."""
        self.counts.clear()
        self.first.clear()
