"""Replay of the Philly trace through the whole loop: how long it takes, and the completion times that come of it.

The 82,247 jobs are played on the 352 nodes of their virtual clusters as one pool; the trace is found by TAUON_DATA.
"""

from __future__ import annotations

import gc
import resource
import sys

from benchmarks.report import Report, data_folder, say
from tauon.ports.what_if import Question
from tauon.simulator.from_trace import world_of_trace
from tauon.simulator.policies import POLICIES
from tauon.simulator.what_if import outcome

GOAL_S = 60.0


def main() -> int:
    """Run it; returns 1 where the trace is missing."""
    folder = data_folder()
    if folder is None or not (folder / "philly" / "philly_82k.csv").is_file():
        say("set TAUON_DATA to the folder that has philly/philly_82k.csv")
        return 1
    report = Report("replay")
    world = world_of_trace(Question(source=str(folder / "philly" / "philly_82k.csv")))
    gc.collect()
    gc.freeze()
    found = outcome(
        world,
        POLICIES["tauon"],
        lambda what, done, total: say(f"{what}: {done:,} of {total:,}") if done % 10_000 == 0 else None,
    )
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
    report.told("rss_gib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GiB")
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
