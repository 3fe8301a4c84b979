"""Waste: accelerators that somebody holds and does little with, found in samples of the last half hour.

Utilisation alone misleads: it is the share of time in which any kernel ran, and one of 132 multiprocessors is enough for
100 %. So the share of busy multiprocessors is looked at too, wherever it can be measured.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tauon.model.ids import AttemptId, NodeId

MINUTE_US = 60_000_000
IDLE_US = 15 * MINUTE_US
HOARD_US = 30 * MINUTE_US
KEPT_US = 35 * MINUTE_US
IDLE_PCT = 1.0
FLAT_MIB = 64
BUSY_PCT, FEW_SM_PCT = 80.0, 20.0
HOARD_SM_PCT = 5.0
HOARD_MIB = 1024
STARVED_PCT, CPU_SHARE = 60.0, 0.95


class Waste(enum.StrEnum):
    """What is wrong, the plainest first."""

    NO_PROCESS = "no process"
    IDLE = "idle"
    HOARDED = "hoarded memory"
    SMALL_KERNELS = "small kernels"
    STARVED = "starved input"


ADVICE = {
    Waste.NO_PROCESS: "nothing uses it: end the job, or ask for fewer accelerators",
    Waste.IDLE: "a process holds it and computes nothing: end the job, or let it release what it does not need",
    Waste.HOARDED: "memory is held and hardly computed with: ask for a share of an accelerator, or a smaller one",
    Waste.SMALL_KERNELS: "it is busy with kernels that fill little of it: larger batches, fused kernels or CUDA graphs; or a share",
    Waste.STARVED: "it waits for its input, and the cores are busy: ask for more cores, or prepare the data beforehand",
}


class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One accelerator at a time, and whose it was; None for what can't be measured. `cpu_share` is how much of the cores that
    its attempt asked for are busy."""

    at_us: int
    node: NodeId
    index: int
    attempt: AttemptId
    utilisation_pct: float | None = None
    memory_used_mib: int | None = None
    sm_active_pct: float | None = None
    processes: int | None = None
    cpu_share: float | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Waste of one attempt: which of its accelerators, and since when at least."""

    attempt: AttemptId
    waste: Waste
    accelerators: tuple[tuple[NodeId, int], ...]
    since_us: int


class Watch:
    """Keeps the samples of the last half hour and tells what they show. One that changes hands begins anew."""

    def __init__(self) -> None:
        self._kept: dict[tuple[NodeId, int], deque[Sample]] = {}

    def see(self, samples: Iterable[Sample], at_us: int) -> None:
        """Take in one round of samples; what is not in it is held by nobody now, and forgotten."""
        kept: dict[tuple[NodeId, int], deque[Sample]] = {}
        for sample in samples:
            key = (sample.node, sample.index)
            before = self._kept.get(key)
            if before is None or before[-1].attempt != sample.attempt:
                before = deque()
            if not before or sample.at_us > before[-1].at_us:
                before.append(sample)
            while before[0].at_us < at_us - KEPT_US:
                before.popleft()
                if not before:
                    break
            if before:
                kept[key] = before
        self._kept = kept

    def findings(self) -> list[Finding]:
        """The waste of every attempt, one kind for each accelerator, the plainest that is true of it."""
        found: dict[tuple[AttemptId, Waste], list[tuple[NodeId, int]]] = {}
        since: dict[tuple[AttemptId, Waste], int] = {}
        for (node, index), samples in self._kept.items():
            told = next(_signs(samples), None)
            if told is not None:
                waste, since_us = told
                key = (samples[-1].attempt, waste)
                found.setdefault(key, []).append((node, index))
                since[key] = max(since.get(key, since_us), since_us)
        return [
            Finding(attempt=attempt, waste=waste, accelerators=tuple(sorted(places)), since_us=since[attempt, waste])
            for (attempt, waste), places in found.items()
        ]


def _signs(samples: deque[Sample]) -> Iterator[tuple[Waste, int]]:
    """Each kind of waste that a series shows, the plainest first, with when it began as far as is known."""
    short, long = _last(samples, IDLE_US), _last(samples, HOARD_US)
    if short:
        since_us = short[0].at_us
        # In a container of its own the driver names no processes of others, so what is busy has one all the same.
        if all(s.processes == 0 and _known(s.utilisation_pct, 0) < IDLE_PCT for s in short):
            yield Waste.NO_PROCESS, since_us
        quiet = all(s.utilisation_pct is not None and s.utilisation_pct < IDLE_PCT for s in short)
        memory = [s.memory_used_mib for s in short if s.memory_used_mib is not None]
        if quiet and (not memory or max(memory) - min(memory) <= FLAT_MIB):
            yield Waste.IDLE, since_us
    if long and all((s.memory_used_mib or 0) >= HOARD_MIB and _sm(s) < HOARD_SM_PCT for s in long):
        yield Waste.HOARDED, long[0].at_us
    if short:
        since_us = short[0].at_us
        if all((s.utilisation_pct or 0) > BUSY_PCT and _known(s.sm_active_pct, 100) < FEW_SM_PCT for s in short):
            yield Waste.SMALL_KERNELS, since_us
        used = [s.utilisation_pct for s in short if s.utilisation_pct is not None]
        cores_busy = all(_known(s.cpu_share, 0) >= CPU_SHARE for s in short)
        if used and cores_busy and sum(used) / len(used) < STARVED_PCT:
            yield Waste.STARVED, since_us


def _last(samples: deque[Sample], span_us: int) -> list[Sample]:
    """The samples of the last span; none unless they cover it."""
    end_us = samples[-1].at_us
    if samples[0].at_us > end_us - span_us:
        return []
    return [s for s in samples if s.at_us >= end_us - span_us]


def _sm(sample: Sample) -> float:
    """How much of it is busy: its multiprocessors where that is measured, else its utilisation."""
    return _known(sample.sm_active_pct, _known(sample.utilisation_pct, 100.0))


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def holders(
    attempts: Mapping[AttemptId, tuple[tuple[NodeId, tuple[int, ...]], ...]],
) -> dict[tuple[NodeId, int], AttemptId]:
    """Whose each accelerator is: what each attempt holds by node, turned around. One that several share is the first's."""
    found: dict[tuple[NodeId, int], AttemptId] = {}
    for attempt, places in attempts.items():
        for node, indices in places:
            for index in indices:
                found.setdefault((node, index), attempt)
    return found
