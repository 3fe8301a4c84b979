"""The planner at size: filling an empty cluster, then cycles with a crowd waiting; the curve over nodes and jobs.

Each case is played in a process of its own, with the journal in memory; times are the processor time of its one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.crowd import POOL, Crowd, Engine, configuration, nodes
from benchmarks.report import Report, quantile, say, table
from tauon.model.plan import Plan, StartAttempt, StopAttempt
from tauon.planner.decide import decide
from tauon.reconciler.apply import apply
from tauon.reconciler.cycle import cycle, take_snapshot
from tauon.reconciler.journal import InlineJournal
from tauon.reconciler.memory_store import MemoryStore
from tauon.reconciler.observe import observe
from tauon.reconciler.record import record
from tauon.reconciler.site import OpenPool, Site
from tauon.simulator.clock import VirtualClock
from tauon.simulator.nothing import NoSecrets

SEED = 1
START_US = 1_700_000_000_000_000
STEP_US = 60_000_000
CHANGE = 0.01

MAIN = (12_500, 100_000, 400)
CURVE = ((1_250, 100_000, 100), (12_500, 10_000, 100), (12_500, 100_000, 100), (125_000, 100_000, 100))

PLACEMENTS_PEERS = "25,000 (Armada), 1,500 to 3,750 (Nomad), 270 to 1,000 (kube-scheduler), 500 (Slurm), 42 (Kueue)"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What one case gave; times in milliseconds, each at the median and at the 99th of a hundred."""

    nodes: int
    waiting: int
    lines: int
    running: int
    placements: int
    placements_per_s: float
    cycle_ms: tuple[float, float]
    decide_ms: tuple[float, float]
    changes: int
    preemptions: int
    rss_gib: float


class Hall:
    """A cluster, its jobs and the loop over it."""

    def __init__(self, count: int) -> None:
        self.clock = VirtualClock(START_US)
        self.journal = InlineJournal(store=MemoryStore(), clock=self.clock)
        self.engine = Engine(nodes(count))
        self.site = Site(
            journal=self.journal,
            clock=self.clock,
            pools=[OpenPool(POOL, self.engine, self.engine)],
            secrets=NoSecrets(),
            log=say,
            resync_us=1 << 60,
        )
        self.crowd = Crowd(SEED, count)
        self.chance = random.Random(SEED)
        self.journal.append(configuration(count))

    def submit(self, how_many: int) -> None:
        self.journal.append(list(self.crowd.submits(how_many, self.clock.now_us())))

    async def look(self) -> None:
        """The first half of a cycle."""
        self.site.keep_up()
        await observe(self.site)

    async def carry_out(self, plan: Plan) -> None:
        """The second half."""
        self.site.decided_seq = record(self.site, plan)
        self.site.plan = plan
        await apply(self.site)

    async def rest(self) -> None:
        """Go on until nothing is left to be decided."""
        for _ in range(200):
            self.clock.advance(self.clock.now_us() + 1_000_000)
            await self.look()
            plan = decide(take_snapshot(self.site))
            await self.carry_out(plan)
            if not plan.actions:
                return


async def play(count: int, waiting: int, cycles: int) -> Case:
    """Fill a cluster from empty, with so many jobs left waiting, then change one job in a hundred before each cycle."""
    hall = Hall(count)
    await cycle(hall.site)
    cluster = hall.journal.cluster
    hall.submit(waiting + count * 6)
    snapshot = take_snapshot(hall.site)
    gc.collect()
    gc.freeze()
    began_s = time.process_time()
    plan = decide(snapshot)
    filled_s = time.process_time() - began_s
    placements = sum(len(a.attempt.placement) for a in plan.actions if isinstance(a, StartAttempt))
    say(f"{count} nodes: {placements:,} workers placed in {filled_s:.2f} s")
    await hall.carry_out(plan)
    await hall.rest()
    hall.submit(max(0, waiting - len(cluster.waiting)))
    await hall.rest()
    say(f"{len(cluster.attempts):,} run, {len(cluster.waiting):,} wait in {len(cluster.waiting.lines):,} lines")
    gc.collect()
    gc.freeze()
    cycles_ms: list[float] = []
    decides_ms: list[float] = []
    changes = preemptions = 0
    for _ in range(cycles):
        ended = hall.chance.sample(sorted(cluster.attempts), round(len(cluster.attempts) * CHANGE))
        hall.engine.finish([a for a in ended if cluster.attempts[a].stop is None])
        hall.submit(len(ended))
        changes += len(ended)
        hall.clock.advance(hall.clock.now_us() + STEP_US)
        began_s = time.process_time()
        await hall.look()
        looked_s = time.process_time()
        plan = decide(take_snapshot(hall.site))
        decided_s = time.process_time()
        await hall.carry_out(plan)
        done_s = time.process_time()
        cycles_ms.append((done_s - began_s) * 1000)
        decides_ms.append((decided_s - looked_s) * 1000)
        preemptions += sum(isinstance(a, StopAttempt) for a in plan.actions)
    return Case(
        nodes=count,
        waiting=len(cluster.waiting),
        lines=len(cluster.waiting.lines),
        running=len(cluster.attempts),
        placements=placements,
        placements_per_s=placements / filled_s,
        cycle_ms=(quantile(cycles_ms, 0.5), quantile(cycles_ms, 0.99)),
        decide_ms=(quantile(decides_ms, 0.5), quantile(decides_ms, 0.99)),
        changes=changes // max(1, cycles),
        preemptions=preemptions,
        rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    )


def alone(case: tuple[int, int, int]) -> Case:
    """A case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.planner", "--case", *map(str, case)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    return msgspec.json.decode(done.stdout, type=Case)


def main() -> int:
    """Run all of it, or one case (nodes, jobs waiting, cycles) and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", nargs=3, type=int, metavar=("NODES", "WAITING", "CYCLES"))
    parser.add_argument("--no-curve", action="store_true", help="leave out the other sizes")
    parser.add_argument("--cycles", type=int, help="how many cycles each case has, for a quick look")
    wanted = parser.parse_args()
    if wanted.case:
        print(msgspec.json.encode(asyncio.run(play(*wanted.case))).decode())
        return 0
    report = Report("planner")
    found = alone((*MAIN[:2], wanted.cycles or MAIN[2]))
    report.at_least("placements_per_s", found.placements_per_s, "/s", 50_000, PLACEMENTS_PEERS)
    report.told("placements", found.placements)
    report.at_most("cycle_p99_ms", found.cycle_ms[1], "ms", 50)
    report.told("cycle_p50_ms", found.cycle_ms[0], "ms")
    report.told("decide_p99_ms", found.decide_ms[1], "ms")
    report.told("decide_p50_ms", found.decide_ms[0], "ms")
    report.told("changes_per_cycle", found.changes)
    report.told("jobs_waiting", found.waiting)
    report.told("lines", found.lines)
    report.told("attempts_running", found.running)
    report.at_most("rss_gib", found.rss_gib, "GiB", 2)
    if not wanted.no_curve:
        cases = [alone((*case[:2], wanted.cycles or case[2])) for case in CURVE]
        report.more["curve"] = json.loads(msgspec.json.encode(cases))
        print(curve_table(cases))
    report.write()
    return 0


def curve_table(cases: list[Case]) -> str:
    """How cost grows."""
    heading = (
        "nodes",
        "waiting",
        "lines",
        "workers/s",
        "us/worker",
        "decide p50",
        "p99",
        "cycle p50",
        "changes",
        "GiB",
    )
    return table([heading, *map(row, cases)])


def row(one: Case) -> tuple[str, ...]:
    """A case in words."""
    return (
        f"{one.nodes:,}",
        f"{one.waiting:,}",
        f"{one.lines:,}",
        f"{one.placements_per_s:,.0f}",
        f"{1e6 / one.placements_per_s:.1f}",
        f"{one.decide_ms[0]:.1f}",
        f"{one.decide_ms[1]:.1f}",
        f"{one.cycle_ms[0]:.1f}",
        f"{one.changes:,}",
        f"{one.rss_gib:.2f}",
    )


if __name__ == "__main__":
    sys.exit(main())
