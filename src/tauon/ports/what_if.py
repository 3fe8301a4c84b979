"""What would have been: a world played under one policy after another, and how each of them did."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

import msgspec


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to play. `source` is the path of a world, of a trace, or of a server's own journal.

    What is None or empty is the world's own, or has its default. `nodes` are texts such as `H100:8x16`. `until_s`
    counts from the start of the world; with `last_s` only what was submitted in so many seconds before the journal's end
    is played.
    """

    source: str
    policies: tuple[str, ...] = ()
    seed: int | None = None
    until_s: float | None = None
    nodes: tuple[str, ...] = ()
    gpu_only: bool = False
    last_s: float | None = None


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity over all jobs: its average, median, 99th percentile and largest value."""

    average: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    most: float = 0.0


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How a policy did. Times in seconds; shares between 0 and 1; GPU-hours.

    `completion_s` is from submission to the end, `queueing_s` is that less the time in which the job ran, both over the
    jobs that succeeded. `utilisation` is accelerator time held by accelerator time that there was, until `makespan_s`
    (the last end of a job). `fragmentation` is the share of free accelerators that the typical waiting request can't
    use, while something waits. `lost_gpu_h` is work done again. `unfairness` is how much longer than with a fair share
    of its own a job took (finish-time fairness, rho of Themis, NSDI'20: 1 is fair, more is worse).
    """

    jobs: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    unfinished: int = 0
    refused: int = 0
    completion_s: Spread = Spread()
    queueing_s: Spread = Spread()
    unfairness: Spread = Spread()
    makespan_s: float = 0.0
    utilisation: float = 0.0
    fragmentation: float = 0.0
    preemptions: int = 0
    restarts: int = 0
    gpu_h: float = 0.0
    lost_gpu_h: float = 0.0
    work_usd: Decimal = Decimal(0)
    capacity_usd: Decimal = Decimal(0)


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Values over time: `at_s` from the start of the world, as many of each."""

    at_s: tuple[float, ...] = ()
    held: tuple[float, ...] = ()  # accelerators that work holds
    capacity: tuple[float, ...] = ()  # accelerators that there are
    waiting: tuple[int, ...] = ()  # jobs that wait
    running: tuple[int, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One policy's score, its curves, and completion times (seconds) at the hundredths of all jobs, smallest first."""

    policy: str
    score: Score
    curve: Curve
    completion_s: tuple[float, ...] = ()
    story: tuple[str, ...] = ()  # what happened step by step, in worlds small enough to be told
    refused: tuple[str, ...] = ()  # why submits were not taken: each reason once, with how many there were
    events: int = 0
    cycles: int = 0
    took_s: float = 0.0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What was played, and one outcome for each policy, in the order in which they were asked for.

    `skipped` says what of a trace was left out, each reason with its count.
    """

    name: str
    source: str
    format: str
    seed: int
    jobs: int
    nodes: int
    accelerators: int
    skipped: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


Progress = Callable[[str, int, int], None]
"""Called with what is being played, how much of it is done, and of how much; often."""


class WhatIf(Protocol):
    """Plays worlds. Raises InvalidRequest (InvalidSpec) where the question or a file of it is wrong."""

    def play(self, question: Question, progress: Progress) -> Comparison: ...
