"""Makes a table of orders, sums it up by region, writes the summary as CSV, and checks it against a second count."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

RESULTS = Path(os.environ.get("RESULTS_DIR", "."))
ROWS = int(os.environ["ROWS"])
CHUNK = 100_000
REGIONS = ("africa", "americas", "asia", "europe", "oceania")


def chunk(number: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Region and amount in cents of some orders; a chunk is the same whenever it is made."""
    random = np.random.default_rng([4, number])
    regions = random.choice(len(REGIONS), size=rows, p=(0.1, 0.3, 0.3, 0.25, 0.05))
    cents = np.rint(random.lognormal(mean=8.0, sigma=1.0, size=rows)).astype(np.int64)
    return regions, cents


def main() -> None:
    orders = np.zeros(len(REGIONS), dtype=np.int64)
    totals = np.zeros(len(REGIONS), dtype=np.int64)
    largest = np.zeros(len(REGIONS), dtype=np.int64)
    second_count = 0
    for number, start in enumerate(range(0, ROWS, CHUNK)):
        regions, cents = chunk(number, min(CHUNK, ROWS - start))
        orders += np.bincount(regions, minlength=len(REGIONS))
        np.add.at(totals, regions, cents)
        np.maximum.at(largest, regions, cents)
        second_count += int(cents.sum())
        print(f"{start + len(cents):,} of {ROWS:,} rows")
    if int(totals.sum()) != second_count or int(orders.sum()) != ROWS:
        raise SystemExit("the sums by region do not add up to the sum of all orders")
    half_written = RESULTS / "orders.csv.new"
    with half_written.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("region", "orders", "total_cents", "largest_cents"))
        table.writerows(zip(REGIONS, orders.tolist(), totals.tolist(), largest.tolist(), strict=True))
    half_written.replace(RESULTS / "orders.csv")
    best = REGIONS[int(totals.argmax())]
    print(f"{ROWS:,} rows, {second_count / 100:,.2f} in all, most of it in {best}; both counts agree")


if __name__ == "__main__":
    main()
