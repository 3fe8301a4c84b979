"""How full the openb cluster gets: Tauon's planner and known rules over the same steps, by the protocol of the authors.

Pods are drawn at random from a list, CPU-only ones included, until 130 % of all GPUs have been asked for. Each is decided
on alone, by `decide`, and lost where it does not fit; the figure is the part of all GPUs that is allocated then. With moves,
what runs can be moved, at most once for every ten placements. The lists are found by TAUON_DATA; what the planner knows of
the mix of pods is what it has been asked for so far.
"""

from __future__ import annotations

import csv
import os
import random
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import Report, data_folder, say
from tauon.model.attempt import Outcome
from tauon.model.cluster import Cluster
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Event,
    Fact,
    JobCancelled,
    JobSubmitted,
    NodeReady,
)
from tauon.model.ids import JobId, QueueName
from tauon.model.job import CheckpointPolicy, Job
from tauon.model.node import Node
from tauon.model.packing import PackingRule
from tauon.model.plan import Plan, StartAttempt, StopAttempt
from tauon.model.pool import Capabilities
from tauon.model.resources import MILLI, AcceleratorRequest, Request
from tauon.model.snapshot import Snapshot
from tauon.planner.decide import decide
from tauon.planner.settle import settle
from tauon.simulator.traces.formats import Trace
from tauon.simulator.traces.openb import POOL

SEEDS = 10
PROCESSES = 2
ASKED = 1.3
LISTS = ("default", "gpushare40", "multigpu20")
GOALS = {"default": 95.4, "gpushare40": 94.2, "multigpu20": 95.7}
GOAL_WITH_MOVES = 98.5
GOAL_S = 10.0
PUBLISHED = {
    "default": "FGD 95.39, best fit 93.08, dot product 90.85",
    "gpushare40": "FGD 94.15, best fit 91.69, dot product 89.56",
    "multigpu20": "FGD 95.65, best fit 93.93, dot product 92.06",
}
MINUTE_US = 60_000_000
MOVING = CheckpointPolicy()
ABLE = {POOL: Capabilities(shares_accelerators=True)}


class Task(NamedTuple):
    """One seed of one list under one rule."""

    list: str
    rule: PackingRule
    seed: int
    saves: CheckpointPolicy | None = None  # what saves can be moved


class Result(NamedTuple):
    """How much of all GPUs was allocated in the end, in percent, and how long the planner took."""

    allocated_pct: float
    placed: int
    moved: int
    took_s: float


def main(arguments: Sequence[str]) -> int:
    """Run it, with as many seeds as said; returns 1 where the lists are missing."""
    folder = data_folder()
    if folder is None or not (folder / "openb").is_dir():
        say("set TAUON_DATA to the folder that has openb/openb_pod_list_default.csv")
        return 1
    seeds = int(arguments[0]) if arguments else SEEDS
    ours = PackingRule.LEAST_STRANDED
    tasks = [Task(name, ours, seed) for name in LISTS for seed in range(seeds)]
    tasks += [
        Task(name, rule, seed) for rule in PackingRule if rule is not ours for name in LISTS for seed in range(seeds)
    ]
    tasks += [Task("default", ours, seed, MOVING) for seed in range(seeds)]
    found = _play(tasks)
    report = Report("packing")
    for name in LISTS:
        allocated = [found[task].allocated_pct for task in tasks if task[:2] == (name, ours) and not task.saves]
        report.at_least(f"alloc_{name}", statistics.mean(allocated), "%", GOALS[name], PUBLISHED[name])
        report.told(f"alloc_{name}_sd", statistics.pstdev(allocated), "%")
    moving = [found[task] for task in tasks if task.saves]
    report.at_least("alloc_default_moves", statistics.mean(o.allocated_pct for o in moving), "%", GOAL_WITH_MOVES)
    report.told("moves_per_placement", max(o.moved / o.placed for o in moving))
    still = [o for task, o in found.items() if task.rule is ours and not task.saves]
    report.at_most("seed_s", max(o.took_s for o in still), "s", GOAL_S)
    for rule in PackingRule:
        for name in LISTS if rule is not ours else ():
            allocated = [o.allocated_pct for task, o in found.items() if task[:2] == (name, rule)]
            report.told(f"{rule.value}_{name}", statistics.mean(allocated), "%")
    report.write()
    return 0


def _play(tasks: Iterable[Task]) -> dict[Task, Result]:
    found: dict[Task, Result] = {}
    with ProcessPoolExecutor(PROCESSES) as processes:
        running = {processes.submit(play, task): task for task in tasks}
        for done in as_completed(running):
            task, outcome = running[done], done.result()
            found[task] = outcome
            say(
                f"{len(found)} of {len(running)}: {task.list} {task.rule.value}{' with moves' if task.saves else ''} seed {task.seed}: "
                f"{outcome.allocated_pct:.2f} % in {outcome.took_s:.1f} s"
            )
    return found


def play(task: Task) -> Result:
    """One seed of one list."""
    folder = Path(os.environ["TAUON_DATA"]) / "openb"
    nodes = nodes_beside(folder / "openb_pod_list_default.csv")
    return fill(nodes, pods_of(folder / f"openb_pod_list_{task.list}.csv"), task.rule, task.seed, task.saves)


def fill(
    nodes: Iterable[Node],
    pods: Sequence[Request],
    rule: PackingRule,
    seed: int,
    saves: CheckpointPolicy | None = None,
) -> Result:
    """Let pods come until enough has been asked for."""
    board, rng, asked = Board(nodes, rule, saves), random.Random(seed), 0
    began_s = time.process_time()
    while asked < ASKED * board.milli:
        pod = rng.choice(pods)
        asked += pod.accelerators[0].milli if pod.accelerators else 0
        board.come(pod)
    took_s = time.process_time() - began_s
    live = board.cluster.live
    return Result(100 * board.allocated / board.milli, live.placed - live.moved, live.moved, took_s)


class Board:
    """A cluster on which each pod is decided on as it comes."""

    def __init__(self, nodes: Iterable[Node], rule: PackingRule, saves: CheckpointPolicy | None) -> None:
        self.cluster = Cluster()
        self.milli = self.allocated = 0
        self._rule = rule
        self._saves = saves
        self._now_us = 0
        self._plan = Plan(seq=0, at_us=0)
        for node in nodes:
            self._put(NodeReady(node=node))
            self.milli += node.shape.accelerator_count * MILLI

    def _put(self, fact: Fact) -> None:
        seq = self.cluster.seq + 1
        self.cluster.apply(Event(seq=seq, at_us=self._now_us, fact=fact))

    def come(self, request: Request) -> None:
        """A pod comes, and gets a place or is lost."""
        self._now_us += MINUTE_US
        number = self.cluster.jobs_submitted + 1
        job = Job(
            id=JobId(f"j{number}"),
            number=number,
            name="pod",
            queue=QueueName("default"),
            user="trace",
            priority=0,
            request=request,
            document="",
            submitted_at_us=self.cluster.at_us,
            checkpoint=self._saves,
        )
        self._put(JobSubmitted(job=job))
        while self._decide():
            pass
        if self.cluster.jobs[job.id].attempt is None:
            self._put(JobCancelled(job_id=job.id, by="protocol"))

    def _decide(self) -> bool:
        """Decide and carry it out; True if something was moved, so that there is more to be decided."""
        snapshot = Snapshot(
            at_us=self.cluster.at_us,
            cluster=self.cluster,
            capabilities=ABLE,
            previous=self._plan,
            packing=self._rule,
        )
        self._plan = decide(snapshot)
        for action in self._plan.actions:
            match action:
                case StartAttempt(attempt=attempt):
                    self._put(AttemptPlaced(attempt=attempt))
                    self._put(AttemptRunning(attempt_id=attempt.id))
                    self.allocated += attempt.accelerator_milli
                case StopAttempt():
                    self._move(action)
                case _:
                    pass
        return any(isinstance(action, StopAttempt) for action in self._plan.actions)

    def _move(self, stop: StopAttempt) -> None:
        attempt = self.cluster.attempts[stop.attempt]
        job = self.cluster.jobs[attempt.job]
        self.allocated -= attempt.accelerator_milli
        self._put(
            AttemptStopRequested(
                attempt_id=stop.attempt,
                cause=stop.cause,
                notice_s=stop.notice_s,
                reason=stop.reason,
                moves_to=stop.moves_to,
            )
        )
        self._put(AttemptEnded(attempt_id=attempt.id, outcome=Outcome.PREEMPTED))
        for fact in settle(self.cluster, job, Outcome.PREEMPTED, stop.reason, self._now_us):
            self._put(fact)


@lru_cache(maxsize=4)
def nodes_beside(pods: Path) -> tuple[Node, ...]:
    """The nodes whose list lies beside a list of pods."""
    return tuple(Trace(pods).nodes())


@lru_cache(maxsize=4)
def pods_of(path: Path) -> tuple[Request, ...]:
    """What the pods of a list ask for."""
    with path.open(newline="") as file:
        return tuple(map(_request, csv.DictReader(file)))


def _request(row: dict[str, str]) -> Request:
    count = int(row["num_gpu"])
    milli = int(row["gpu_milli"]) if count == 1 else count * MILLI
    return Request(
        accelerators=(AcceleratorRequest(milli=milli),) if count else (),
        cpu_milli=int(row["cpu_milli"]),
        memory_mib=int(row["memory_mib"]),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
