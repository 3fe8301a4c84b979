"""The engines that Tauon drives, each a real one on this machine: how much driving them adds to what they do themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.engine_slurm import measure_slurm
from benchmarks.report import Report, say

# Each measures one engine into the report, or says why it can't be had here.
ENGINES: dict[str, Callable[[Report], str]] = {"slurm": measure_slurm}


def main() -> int:
    """Measure all engines, or those named; returns 1 where none could be measured."""
    report = Report("engines")
    for name in sys.argv[1:] or ENGINES:
        absent = ENGINES[name](report)
        if absent:
            say(f"{name}: not measured: {absent}")
    if report.figures:
        report.write()
    return 0 if report.figures else 1


if __name__ == "__main__":
    sys.exit(main())
