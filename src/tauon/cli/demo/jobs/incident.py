"""Finds the broken machines in a day of measurements: those whose readings fit least with all the others."""

from __future__ import annotations

import os

import numpy as np

MACHINES = int(os.environ["MACHINES"])
READINGS = 24
BROKEN = 12
ROUNDS = 10


def measurements() -> tuple[np.ndarray, np.ndarray]:
    """Readings by machine, and which machines were made to be broken."""
    random = np.random.default_rng(5)
    mixing = random.normal(size=(READINGS, READINGS))
    readings = random.normal(size=(MACHINES, READINGS)) @ mixing
    broken = np.sort(random.choice(MACHINES, BROKEN, replace=False))
    readings[broken] += random.choice((-1.0, 1.0), size=(BROKEN, READINGS)) * 6 * readings.std(axis=0)
    return readings, broken


def oddness(readings: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distance from the middle of the ordinary machines, found again and again without the oddest."""
    ordinary = np.ones(len(readings), dtype=bool)
    distance = np.zeros(len(readings))
    for number in range(ROUNDS):
        centred = readings - readings[ordinary].mean(axis=0)
        inverse = np.linalg.inv(np.cov(centred[ordinary], rowvar=False))
        distance = np.einsum("ij,jk,ik->i", centred, inverse, centred)
        ordinary = distance <= np.quantile(distance, 0.99)
        print(f"round {number + 1} of {ROUNDS}: the oddest machine is at {distance.max():.0f}")
    return distance


def main() -> None:
    readings, broken = measurements()
    suspects = np.sort(np.argsort(oddness(readings))[-BROKEN:])
    found = int(np.isin(suspects, broken).sum())
    print(f"found {found} of {BROKEN} broken machines among {MACHINES:,}")
    if found < BROKEN:
        raise SystemExit(f"{BROKEN - found} broken machines were missed")


if __name__ == "__main__":
    main()
