"""How every benchmark tells its figures: a table for people, JSON for programs, and which machine they are from."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure: its key, value and unit, the goal as text, and what the peers reach."""

    key: str
    value: float
    unit: str = ""
    goal: str = ""
    peers: str = ""
    holds: bool | None = None


@dataclass(slots=True)
class Report:
    """Figures as they come; `write` prints the table and leaves `benchmarks/out/NAME.json`."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    more: dict[str, object] = field(default_factory=dict)

    def at_most(self, key: str, value: float, unit: str, most: float, peers: str = "") -> None:
        """A figure that should be small."""
        self._add(Figure(key=key, value=value, unit=unit, goal=f"<= {most:g}", peers=peers, holds=value <= most))

    def at_least(self, key: str, value: float, unit: str, least: float, peers: str = "") -> None:
        """A figure that should be large."""
        self._add(Figure(key=key, value=value, unit=unit, goal=f">= {least:g}", peers=peers, holds=value >= least))

    def told(self, key: str, value: float, unit: str = "", peers: str = "") -> None:
        """A figure without a goal."""
        self._add(Figure(key=key, value=value, unit=unit, peers=peers))

    def _add(self, figure: Figure) -> None:
        self.figures.append(figure)
        say(f"{figure.key}: {figure.value:,.6g} {figure.unit}")

    def write(self) -> None:
        """Print the table, and write the JSON."""
        rows = [("figure", "value", "unit", "goal", "", "peers")]
        for one in self.figures:
            mark = {True: "ok", False: "MISSED", None: ""}[one.holds]
            rows.append((one.key, f"{one.value:,.4g}", one.unit, one.goal, mark, one.peers))
        print(f"\n{self.name} on {machine()}\n")
        print(table(rows))
        values = {one.key: one.value for one in self.figures} | self.more
        OUT.mkdir(exist_ok=True)
        path = OUT / f"{self.name}.json"
        path.write_text(
            json.dumps(values | {"machine": machine(), "at": datetime.now(UTC).isoformat()}, indent=2) + "\n"
        )
        print(f"\nwritten to {path}")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns, the first a heading; numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if i == 1 else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def machine() -> str:
    """What this was measured on."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory_gib = int(next(iter(_lines("/proc/meminfo")), "x 0").split()[1]) / 2**20
    cpus = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return (
        f"{cpus} cores of {model.partition(':')[2].strip() or model}, {memory_gib:.0f} GiB, Python "
        f"{platform.python_version()}, load {load:.1f}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def say(text: str) -> None:
    """Progress, beside the table."""
    print(text, file=sys.stderr, flush=True)


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], q: float) -> float:
    """The value below which a share `q` lies (the nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def data_folder() -> Path | None:
    """Where the real traces are (`TAUON_DATA`), if they are there."""
    named = os.environ.get("TAUON_DATA")
    return Path(named) if named and Path(named).is_dir() else None
