"""`make bench-tune`: times per output token as the model tells them, against measured ones: untuned, calibrated, and left out."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.report import Report, say
from tauon.economics.tuning.calibrate import Point, error, fitted
from tauon.economics.tuning.chips import CHIPS
from tauon.economics.tuning.known import MODELS
from tauon.economics.tuning.roofline import UNTUNED, Load

# 32 billion parameters in bf16, prompts of 2,000 tokens and answers of 500. Source in the file's first lines.
POINTS = Path(__file__).parent / "points_qwen3_32b.csv"
MODEL = MODELS["Qwen3-32B"]


def main() -> None:
    """Mean absolute errors in percent of what was measured."""
    report = Report("tune")
    points = measured()
    kinds = sorted({point.chip.name for point in points})
    say(f"{len(points)} points on {', '.join(kinds)}")
    report.told("points", len(points))
    report.at_most("mape_untuned", 100 * error(MODEL, points, UNTUNED), "%", 12, "11.5")
    constants = fitted(MODEL, points)
    report.at_most("mape", 100 * error(MODEL, points, constants), "%", 4, "3.8 (five constants)")
    left_out = {}
    for kind in kinds:
        others = [point for point in points if point.chip.name != kind]
        own = [point for point in points if point.chip.name == kind]
        left_out[kind] = 100 * error(MODEL, own, fitted(MODEL, others))
        report.told(f"mape_left_out_{kind}", left_out[kind], "%")
    report.at_most("mape_left_out", max(left_out.values()), "%", 7.5, "3.3 to 7.5")
    for name in ("compute", "memory", "link", "scaling", "layer_us"):
        report.told(name, getattr(constants, name))
    report.write()


def measured() -> list[Point]:
    """The committed points: a GPU type, how many in tensor parallel, sequences at once, milliseconds per output token."""
    with POINTS.open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return [
        Point(
            chip=CHIPS[row["gpu"]],
            tp=int(row["tp"]),
            load=Load(prompt=2000, output=500, batch=int(row["batch"])),
            per_token_s=float(row["tpot_ms"]) / 1000,
        )
        for row in rows
    ]


if __name__ == "__main__":
    main()
