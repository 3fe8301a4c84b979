"""How well run times and arrivals are foretold, beside rules that anybody could use, and what it costs.

The public traces are found by TAUON_DATA: Philly's jobs, and two weeks of a production service for language models.
"""

from __future__ import annotations

import sys

from benchmarks.forecast_arrivals import arrivals
from benchmarks.forecast_run_times import run_times
from benchmarks.report import Report, data_folder, say


def main() -> int:
    """Run it; returns 1 where the traces are missing."""
    folder = data_folder()
    if folder is None or not (folder / "philly").is_dir() or not (folder / "servegen").is_dir():
        say("set TAUON_DATA to the folder that has philly/ and servegen/")
        return 1
    report = Report("forecast")
    run_times(report, folder)
    arrivals(report, folder)
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
