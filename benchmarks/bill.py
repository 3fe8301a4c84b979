"""`make bench-bill`: how fast the ledger follows the journal, and how long a report over a year of a large fleet takes."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.report import Report, median, say
from tauon.economics.cost import Split, cost
from tauon.economics.meter import Meter
from tauon.model.attempt import Attempt, Outcome, WorkerPlacement
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    Event,
    Fact,
    JobSubmitted,
    JobSucceeded,
    NodeReady,
    PoolConfigured,
)
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.job import Job
from tauon.model.money import Money, Rates
from tauon.model.node import Node, NodeShape
from tauon.model.pool import Pool
from tauon.model.resources import CapacityType, Request, Resources
from tauon.ports.ledger import Window
from tauon.store.ledger import DuckLedger

YEAR_US = 365 * 24 * 3_600_000_000
NODES, GPUS = 1250, 8
USAGE_S = 100_000_000
PAGE = 10_000
POOLS = tuple((f"pool-{i}", ("eu-west", "us-east", "us-west")[i % 3], list(CapacityType)[i % 4]) for i in range(10))
QUEUES = tuple(f"team-{i // 5}/project-{i}" for i in range(50))


def main() -> None:
    """A year of 10,000 GPUs and a million attempts: folded as it comes, then asked in every way there is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=1_000_000)
    attempts = parser.parse_args().attempts
    report = Report("bill")
    events = _Journal(attempts)
    with tempfile.TemporaryDirectory(prefix="tauon-bench-") as folder:
        path = Path(folder) / "ledger.duckdb"
        ledger = DuckLedger(path, "bench", events.after)
        began_s = time.perf_counter()
        ledger.catch_up()
        took_s = time.perf_counter() - began_s - events.making_s
        say(f"{events.seq:,} events in {took_s:.0f} s")
        report.at_least("events_per_s", events.seq / took_s, "/s", 100_000)
        report.told("fold_alone_per_s", _fold_alone(min(attempts, 50_000)), "/s")
        slowest = 0.0
        for by in ("queue", "user", "label:run", "job", "pool", "provider", "region", "capacity-type"):
            took_ms = _report_ms(ledger, by)
            report.told(f"report_ms_by_{by}", took_ms, "ms")
            slowest = max(slowest, took_ms)
        report.at_most("report_ms", slowest, "ms", 1000)
        report.told("file_mib", path.stat().st_size / 2**20, "MiB")
        report.told("exact", float(_is_exact(ledger)))
        ledger.close()
    report.more["attempts"] = attempts
    report.write()


def _report_ms(ledger: DuckLedger, by: str) -> float:
    """The slower of the whole year, and of a window that begins and ends within a millisecond of nothing."""
    found = []
    for window in (Window(from_us=0, to_us=YEAR_US), Window(from_us=YEAR_US // 3 + 123, to_us=YEAR_US // 2 + 77)):
        times = []
        for _ in range(3):
            began_s = time.perf_counter()
            ledger.catch_up()
            cost(ledger.sums(by, {}, window, most=1000), by=by, split=Split.NONE)
            times.append((time.perf_counter() - began_s) * 1000)
        found.append(median(times))
    return max(found)


def _is_exact(ledger: DuckLedger) -> bool:
    """Whether the twelve months add up to the year, to the atom, whatever they are grouped by."""
    edges = [YEAR_US * i // 12 for i in range(13)]
    by_queue = sum((_total(ledger, "queue", Window(from_us=a, to_us=b)) for a, b in pairwise(edges)), Money())
    return by_queue == _total(ledger, "user", Window(from_us=0, to_us=YEAR_US))


def _total(ledger: DuckLedger, by: str, window: Window) -> Money:
    return cost(ledger.sums(by, {}, window), by=by, split=Split.NONE).total


def _fold_alone(attempts: int) -> float:
    events = list(_Journal(attempts))
    meter = Meter()
    began_s = time.perf_counter()
    for event in events:
        meter.apply(event)
    return len(events) / (time.perf_counter() - began_s)


class _Journal:
    """The events of a year, made as they are asked for; `making_s` is what that took, which is not the ledger's."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._iterator: Iterator[Event] | None = None
        self.making_s = 0.0
        self.seq = 0

    def after(self, seq: int) -> Sequence[Event]:
        began_s = time.perf_counter()
        if self._iterator is None:
            self._iterator = iter(self)
        assert seq == self.seq
        page = [event for _, event in zip(range(PAGE), self._iterator, strict=False)]
        self.seq += len(page)
        self.making_s += time.perf_counter() - began_s
        return page

    def __iter__(self) -> Iterator[Event]:
        for seq, (at_us, fact) in enumerate(self._facts(), start=1):
            yield Event(seq=seq, at_us=at_us, fact=fact)

    def _facts(self) -> Iterator[tuple[int, Fact]]:
        rates = Rates(accelerator_micro_usd=2_490_000, cpu_micro_usd=30_000, memory_gib_micro_usd=4_000)
        for pool, region, _ in POOLS:
            yield 0, PoolConfigured(pool=Pool(name=PoolName(pool), provider=f"cloud-{region[:2]}", region=region))
        for number in range(NODES):
            pool, region, capacity_type = POOLS[number % len(POOLS)]
            shape = NodeShape(
                pool=PoolName(pool),
                accelerator="H100",
                accelerator_count=GPUS,
                cpu_milli=96_000,
                memory_mib=1 << 20,
                region=region,
                capacity_type=capacity_type,
                rates=rates,
            )
            yield 0, NodeReady(node=Node(id=NodeId(f"n{number}"), shape=shape))
        yield from self._work()

    def _work(self) -> Iterator[tuple[int, Fact]]:
        """Attempts one after another, each on a node of its turn, so that none ever holds what another has."""
        chance = random.Random(7)
        step_us = YEAR_US // self._attempts
        seconds = USAGE_S // self._attempts
        live: list[tuple[int, Attempt]] = []
        for number in range(1, self._attempts + 1):
            at_us = number * step_us
            while live and live[0][0] <= at_us:
                end_us, attempt = live.pop(0)
                yield end_us, AttemptEnded(attempt_id=attempt.id, outcome=Outcome.SUCCEEDED, exit_codes=(0,))
                yield end_us, JobSucceeded(job_id=attempt.job)
            job = JobId(f"j{number}")
            gpus = chance.choice((1, 1, 2, 4, 8))
            attempt = Attempt(
                id=AttemptId(f"j{number}-1"),
                job=job,
                number=1,
                pool=PoolName(POOLS[number % NODES % len(POOLS)][0]),
                accelerator="H100",
                resources=Resources(accelerator_milli=gpus * 1000, cpu_milli=gpus * 8000, memory_mib=gpus << 16),
                placement=(WorkerPlacement(node=NodeId(f"n{number % NODES}"), accelerators=tuple(range(gpus))),),
                placed_at_us=at_us,
            )
            yield at_us, JobSubmitted(job=_job(job, number, at_us, chance))
            yield at_us, AttemptPlaced(attempt=attempt)
            yield at_us, AttemptRunning(attempt_id=attempt.id)
            live.append((at_us + seconds * 1_000_000, attempt))
        for end_us, attempt in live:
            yield end_us, AttemptEnded(attempt_id=attempt.id, outcome=Outcome.SUCCEEDED, exit_codes=(0,))
            yield end_us, JobSucceeded(job_id=attempt.job)


def _job(job: JobId, number: int, at_us: int, chance: random.Random) -> Job:
    return Job(
        id=job,
        number=number,
        name="train",
        queue=QueueName(QUEUES[chance.randrange(len(QUEUES))]),
        user=f"user-{chance.randrange(200)}",
        priority=0,
        request=Request(cpu_milli=1000),
        document="{}",
        submitted_at_us=at_us,
        labels={"run": f"run-{number % 5000}"},
    )


if __name__ == "__main__":
    main()
