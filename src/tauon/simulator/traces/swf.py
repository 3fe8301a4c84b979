"""The Standard Workload Format of the Parallel Workloads Archive: 18 numbers a line, comments after a semicolon.

Chapin et al., Benchmarks and Standards for the Evaluation of Parallel Job Schedulers, JSSPP'99.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tauon.model.errors import InvalidSpec
from tauon.model.ids import NodeId, PoolName
from tauon.model.node import Node, NodeShape
from tauon.model.resources import MILLI
from tauon.simulator.traces.job import Skipped, TraceJob
from tauon.simulator.traces.table import lines_of

FIELDS = 18
SUBMIT, RUN, ALLOCATED, USED_KB, REQUESTED, REQUESTED_KB, USER, QUEUE = 1, 3, 4, 6, 7, 9, 11, 14
POOL = PoolName("swf")
_SIZE = re.compile(r";\s*(MaxNodes|MaxProcs):\s*(\d+)")


def read_jobs(path: Path, skipped: Skipped) -> Iterator[TraceJob]:
    """A job for each line that ran: a worker with one core for each processor."""
    for number, line in enumerate(lines_of(path), 1):
        words = line.split()
        if not words or words[0].startswith(";"):
            continue
        place = f"{path}:{number}"
        if len(words) != FIELDS:
            raise InvalidSpec(f"{place}: {len(words)} numbers, where the format has {FIELDS}")
        try:
            values = [float(word) for word in words]
        except ValueError:
            wrong = next(i for i, word in enumerate(words) if not _is_number(word))
            raise InvalidSpec(f"{place}: column {wrong + 1}: expected a number, found {words[wrong]!r}") from None
        if values[SUBMIT] < 0:
            raise InvalidSpec(f"{place}: column {SUBMIT + 1} (submit time) can't be negative, found {words[SUBMIT]}")
        processors = int(values[REQUESTED] if values[REQUESTED] > 0 else values[ALLOCATED])
        if values[RUN] < 0 or processors <= 0:
            skipped.add("never started, or asks for no processor", place)
            continue
        kib = max(values[REQUESTED_KB], values[USED_KB], 0.0)
        yield TraceJob(
            at_us=round(values[SUBMIT] * 1e6),
            duration_s=values[RUN],
            user=f"u{values[USER]:g}" if values[USER] >= 0 else "",
            queue=f"q{values[QUEUE]:g}" if values[QUEUE] >= 0 else "",
            workers=processors,
            cpu_milli=MILLI,
            memory_mib=int(kib / 1024),
        )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def read_nodes(path: Path) -> Iterator[Node]:
    """The machine as the comments at the head of the file have it: MaxProcs cores on MaxNodes nodes."""
    size: dict[str, int] = {}
    for line in lines_of(path):
        if not line.startswith(";"):
            break
        match = _SIZE.match(line)
        if match:
            size[match[1]] = int(match[2])
    cores = size.get("MaxProcs", size.get("MaxNodes", 0))
    count = min(size.get("MaxNodes", 1), cores)
    for number in range(count):
        here = cores // count + (number < cores % count)
        shape = NodeShape(pool=POOL, cpu_milli=here * MILLI, memory_mib=here * 1024 * 1024)
        yield Node(id=NodeId(f"swf-{number}"), shape=shape)
