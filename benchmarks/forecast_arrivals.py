"""Arrivals foretold minute by minute: what a production service had over nine days, and what a thousand would cost."""

from __future__ import annotations

import csv
import gzip
import math
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import Report, say
from tauon.forecast.arrivals import HORIZONS, Arrivals
from tauon.forecast.error import pinball

DAY = 24 * 60
DAYS, WARM = 9, 2 * DAY
CLIENTS = (4, 8, 12, 20, 32, 36, 40)
SERVICES, SERVICE_MINUTES = 40, 26 * 60


def per_minute(rates: Sequence[float], dispersions: Sequence[float], chance: random.Random) -> list[float | None]:
    """Counts a minute from requests a second in each ten minutes, scattered as the index of dispersion says.

    Between two of them the rate is on the line from one middle to the other; where there was none, nothing is known.
    """
    found: list[float | None] = []
    for minute in range(min(DAYS * DAY, len(rates) * 10)):
        slot, at = minute // 10, (minute - 4.5) / 10
        before = max(0, math.floor(at))
        after = min(before + 1, len(rates) - 1)
        rate = rates[before] + (rates[after] - rates[before]) * max(0.0, at - before)
        if not rates[slot]:
            found.append(0.0)
            continue
        spread = max(1.0, dispersions[slot] if dispersions else 5.0)
        mean = 60 * rate
        found.append(float(max(0, round(chance.gauss(mean, math.sqrt(mean * spread))))))
    return found


def read(folder: Path) -> dict[str, list[float | None]]:
    """The whole service, and some of its largest clients."""
    chance = random.Random(1)
    with (folder / "servegen" / "language_m_small_rate_per_10min.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    rates = [float(row["requests_per_s"] or 0) for row in rows]
    series = {"all": per_minute(rates, [float(row["dispersion"] or 1) for row in rows], chance)}
    with gzip.open(folder / "servegen" / "language_m_small_top200_clients_rate_per_10min.csv.gz", "rt") as opened:
        clients = list(csv.DictReader(opened))
    for number in CLIENTS:
        rates = [float(row[f"c{number}"] or 0) for row in clients]
        series[f"client {number}"] = per_minute(rates, (), chance)
    return series


class _Sums:
    """Losses at one horizon, each series in units of its own mean."""

    def __init__(self) -> None:
        self.judged = self.covered = 0
        self.loss = self.naive = 0.0


def judged(series: Mapping[str, Sequence[float | None]]) -> dict[int, _Sums]:
    """Forecasts held to what came, after two days of warming up.

    Persistence gets a band in the same way: the quantiles of the relative errors that it made on the day before.
    """
    arrivals = Arrivals()
    sums = {ahead: _Sums() for ahead in HORIZONS}
    due: dict[tuple[str, int, int], tuple[float, float]] = {}
    means = {name: sum(v or 0.0 for v in values) / len(values) for name, values in series.items()}
    naive = {(name, ahead): _Persistence(ahead) for name in series for ahead in HORIZONS}
    for minute in range(min(map(len, series.values()))):
        if minute % DAY == 0:
            say(f"day {minute // DAY + 1} of {DAYS}")
        for name, values in series.items():
            value = values[minute]
            arrivals.observe(name, minute, value)
            for ahead in HORIZONS:
                rule = naive[name, ahead]
                middle_high = rule.settle(minute, value)
                foretold = due.pop((name, ahead, minute), None)
                if foretold and middle_high and value is not None and minute >= WARM:
                    total = sums[ahead]
                    total.judged += 1
                    total.covered += value <= foretold[1]
                    total.loss += _loss(value, foretold) / means[name]
                    total.naive += _loss(value, middle_high) / means[name]
                rule.foretell(minute, value)
                found = arrivals.forecast(name, ahead)
                if found is not None:
                    due[name, ahead, minute + ahead] = found.middle, found.high
    return sums


def _loss(actual: float, foretold: tuple[float, float]) -> float:
    return pinball(actual, foretold[0], 0.5) + pinball(actual, foretold[1], 0.9)


class _Persistence:
    """The last value, with the quantiles of how it erred in the last day, taken anew every hour."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._due: dict[int, tuple[float, tuple[float, float]]] = {}
        self._errors: list[float] = []
        self._band = (0.0, 0.5)
        self._last: float | None = None

    def foretell(self, minute: int, value: float | None) -> None:
        if value is not None:
            self._last = value
        if self._last is not None:
            middle, high = (max(0.0, self._last + offset * (self._last + 1.0)) for offset in self._band)
            self._due[minute + self._ahead] = self._last, (middle, high)

    def settle(self, minute: int, actual: float | None) -> tuple[float, float] | None:
        point, band = self._due.pop(minute, (None, None))
        if point is None or actual is None:
            return None
        self._errors.append((actual - point) / (point + 1.0))
        if minute % 60 == 0:
            del self._errors[:-DAY]
            ordered = sorted(self._errors)
            self._band = ordered[len(ordered) // 2], ordered[int(0.9 * len(ordered))]
        return band


def cost_us(series: Mapping[str, Sequence[float | None]]) -> float:
    """Processor time for a service and minute, all horizons, rules and refits included."""
    values = [v for v in series["all"] if v is not None]
    chance = random.Random(2)
    shifts = [(chance.randrange(len(values)), chance.choice([0.001, 0.01, 0.1, 1.0])) for _ in range(SERVICES)]
    arrivals = Arrivals()
    began = time.process_time()
    for minute in range(SERVICE_MINUTES):
        for number, (shift, scale) in enumerate(shifts):
            arrivals.observe(f"service {number}", minute, round(values[(minute + shift) % len(values)] * scale))
    return (time.process_time() - began) / (SERVICE_MINUTES * SERVICES) * 1e6


def arrivals(report: Report, folder: Path) -> None:
    """Add the figures of this part to a report."""
    series = read(folder)
    spent_us = cost_us(series)
    report.at_most(
        "core_pct_1000_services", spent_us * 1000 / 60e6 * 100, "%", 10.0, f"{spent_us:.0f} us a service-minute"
    )
    sums = judged(series)
    for ahead, total in sums.items():
        report.told(f"coverage90_{ahead}min", total.covered / total.judged, f"of {total.judged:,}")
    worst = max((total.covered / total.judged for total in sums.values()), key=lambda c: abs(c - 0.9))
    report.at_least("coverage90", worst, "", 0.88)
    report.at_most("coverage90_most", max(t.covered / t.judged for t in sums.values()), "", 0.92)
    skills = {ahead: 1 - total.loss / total.naive for ahead, total in sums.items()}
    for ahead in (3, 30):
        report.told(f"skill_vs_persistence_{ahead}min", skills[ahead])
    for ahead in (1, 10, 60):
        report.at_least(f"skill_vs_persistence_{ahead}min", skills[ahead], "", 0.0)
    report.at_least("skill_vs_persistence", min(skills[ahead] for ahead in (1, 10, 60)), "", 0.0)
