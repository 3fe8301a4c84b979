"""Replays through the whole loop: how long all of Philly takes, and completion times beside published ones.

All of Philly are 82,247 jobs on the 352 nodes of their virtual clusters as one pool. Completion times are those of the
worlds in `completion`: first the rules of others, to show that the simulator is right, then ours. The traces are found
by TAUON_DATA. `make bench-replay ARGS="speed muri philly"` runs parts of it.
"""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path

from benchmarks import completion
from benchmarks.report import Report, data_folder, say
from tauon.ports.what_if import Outcome, Question
from tauon.simulator.from_trace import world_of_trace
from tauon.simulator.policies import POLICIES
from tauon.simulator.what_if import outcome
from tauon.simulator.world import World

GOAL_S = 60.0

# Average completion times as published (Muri, SIGCOMM 2022; for Philly, replays of the same setting).
MURI_S = {"srtf": 193_082.0, "srsf": 185_022.0, "tiresias": 347_213.0}
PHILLY_H = {"fifo": 27.27, "backfill": 6.63, "sjf": 3.98, "sjf-backfill": 3.66, "srtf": 2.82, "srsf": 2.81}


def main() -> int:
    """Run it; returns 1 where a trace is missing."""
    folder = data_folder()
    if folder is None or not (folder / "philly" / "philly_82k.csv").is_file():
        say("set TAUON_DATA to the folder that has philly/philly_82k.csv")
        return 1
    report = Report("replay")
    gc.collect()
    gc.freeze()
    parts = {"speed": speed, "muri": muri_times, "philly": philly_times}
    for name in sys.argv[1:] or parts:
        parts[name](report, folder)
    report.told("rss_gib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GiB")
    report.write()
    return 0


def _played(world: World, policy: str) -> Outcome:
    return outcome(
        world,
        POLICIES[policy],
        lambda what, done, total: say(f"{world.name}, {what}: {done:,} of {total:,}") if done % 10_000 == 0 else None,
    )


def muri_times(report: Report, folder: Path) -> None:
    """Published averages again, then ours with durations known and not."""
    world = completion.muri(folder)
    for policy, published_s in MURI_S.items():
        average_s = _played(world, policy).score.completion_s.average
        report.at_most(
            f"muri_{policy}_off_pct", 100 * abs(average_s / published_s - 1), "%", 1.0, f"{published_s:,.0f} s"
        )
    known_s = _played(world, "turnaround-known").score.completion_s.average
    report.at_most("muri_known_by_srsf", known_s / MURI_S["srsf"], "", 0.97)
    blind_s = min(_played(world, policy).score.completion_s.average for policy in ("least-served",))
    report.at_most("muri_unknown_by_tiresias", blind_s / MURI_S["tiresias"], "", 0.85)
    report.told(
        "muri_predicted_by_tiresias", _played(world, "turnaround").score.completion_s.average / MURI_S["tiresias"]
    )


def philly_times(report: Report, folder: Path) -> None:
    """Published averages again, then ours with durations known, and predicted from what had ended before."""
    world = completion.philly(folder)
    for policy, published_h in PHILLY_H.items():
        average_h = _played(world, policy).score.completion_s.average / 3600
        report.at_most(f"philly_{policy}_off_pct", 100 * abs(average_h / published_h - 1), "%", 2.0, f"{published_h} h")
    known = _played(world, "turnaround-known").score
    report.at_most("philly_known_jct_h", known.completion_s.average / 3600, "h", 2.8, "SRTF 2.82")
    score = _played(world, "turnaround").score
    report.at_most("philly_jct_h", score.completion_s.average / 3600, "h", 3.5, "SJF 3.98")
    report.at_most("philly_p99_h", score.completion_s.p99 / 3600, "h", 55.0, "SRTF 48.8")
    report.at_least("philly_done", score.succeeded, "jobs", world.jobs)


def speed(report: Report, folder: Path) -> None:
    """All of Philly, as fast as it goes."""
    world = world_of_trace(Question(source=str(folder / "philly" / "philly_82k.csv")))
    found = _played(world, "tauon")
    score = found.score
    report.at_most("philly_s", found.took_s, "s", GOAL_S)
    report.told("philly_jobs", score.succeeded)
    report.told("philly_events", found.events)
    report.told("philly_cycles", found.cycles)
    report.told("jct_average_h", score.completion_s.average / 3600, "h")
    report.told("jct_p50_h", score.completion_s.p50 / 3600, "h")
    report.told("jct_p99_h", score.completion_s.p99 / 3600, "h")
    report.told("queueing_average_h", score.queueing_s.average / 3600, "h")
    report.told("utilisation", score.utilisation)


if __name__ == "__main__":
    sys.exit(main())
