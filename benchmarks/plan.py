"""`make bench-plan`: what it costs to reserve by a plan from the past, against one who knows the future; and how long it takes."""

from __future__ import annotations

import csv
import gzip
import time
from pathlib import Path

import numpy as np

from benchmarks.report import Report, data_folder, median, say
from tauon.economics.supply.demand import Hours, duration_curve
from tauon.economics.supply.market import Demand, Spot, SupplyOffer, SupplyQuestion, Term
from tauon.economics.supply.plan import backtest
from tauon.economics.supply.program import Whole, solved

PRICES = (0.75, 0.6, 0.45)
NEWSVENDOR = {"philly": (1.04, 1.06, 1.05), "helios": (1.04, 1.07, 1.11)}
GOALS = {"philly": 1.06, "helios": 1.08}
POOLS, TYPES, HOURS = 20, 10, 8760


def main() -> None:
    """Backtests on real demand where it is there, then the time of a large plan."""
    report = Report("plan")
    data = data_folder()
    if data is None:
        say("TAUON_DATA names no folder: the backtests on real demand are left out")
    else:
        _backtests(report, data)
    _times(report)
    report.write()


def _backtests(report: Report, data: Path) -> None:
    worst: dict[str, float] = {}
    for name, hourly in (("philly", philly(data)), ("helios", helios(data))):
        for price, newsvendor in zip(PRICES, NEWSVENDOR[name], strict=True):
            offer = SupplyOffer(
                pool="cloud",
                accelerator="GPU",
                on_demand_usd_per_h=1.0,
                terms=(Term(name="term", hours=len(hourly) / 2, usd_per_h=price),),
                node_gpus=1,
            )
            found = backtest(
                SupplyQuestion(demands=(Demand(name=name, accelerator="GPU", hourly=tuple(hourly)),), offers=(offer,))
            )
            assert found is not None
            dear = found.all_on_demand_usd / found.clairvoyant_usd
            peers = (
                f"newsvendor {newsvendor} (published), {_newsvendor(hourly, price):.3f} here; all on demand {dear:.2f}"
            )
            report.at_most(f"regret_{name}_{price:g}", found.regret, "", GOALS[name], peers)
            worst[name] = max(worst.get(name, 0.0), found.regret)
    report.at_most("regret", worst["philly"], "", GOALS["philly"])
    report.at_most("regret_helios", worst["helios"], "", GOALS["helios"])


def _newsvendor(hourly: Hours, price: float) -> float:
    """The textbook's rule: hold the quantile 1 - r/o of the past (newsvendor, single period)."""
    half = len(hourly) // 2
    before, after = hourly[len(hourly) - 2 * half : -half], hourly[-half:]

    def cost(held: float) -> float:
        return price * held * half + float(np.maximum(after - held, 0).sum())

    best = min(cost(float(held)) for held in np.quantile(after, np.linspace(0, 1, 1001)))
    return cost(float(np.quantile(before, 1 - price))) / best


def philly(data: Path) -> Hours:
    """Active GPUs of Microsoft's Philly by the hour (nodes with work, as published)."""
    with (data / "philly" / "philly_node_sequence.csv").open() as file:
        return hourly_means([float(row["active"]) for row in csv.DictReader(file)])


def helios(data: Path) -> Hours:
    """GPUs that run jobs in four virtual clusters of SenseTime's Helios together, by the hour."""
    total: Hours | None = None
    for path in sorted((data / "helios").glob("*.csv.gz")):
        with gzip.open(path, "rt") as file:
            one = hourly_means([float(row["running_gpu_num"]) for row in csv.DictReader(file)])
        total = one if total is None else total + one
    assert total is not None
    return total


def hourly_means(minutes: list[float]) -> Hours:
    """Means of whole hours."""
    count = len(minutes) // 60
    means: Hours = np.asarray(minutes[: count * 60]).reshape(count, 60).mean(axis=1)
    return means


def _times(report: Report) -> None:
    question = large_question()
    curves = [np.asarray(demand.hourly) for demand in question.demands]
    times = []
    usd = 0.0
    for _ in range(3):
        began_s = time.perf_counter()
        usd = solved(question, curves, Whole.ANY).usd
        times.append(time.perf_counter() - began_s)
    report.at_most("solve_s", median(times), "s", 2.0, "82 (the full hourly program)")
    began_s = time.perf_counter()
    found = solved(question, curves, Whole.NODES)
    report.at_most("solve_whole_s", time.perf_counter() - began_s, "s", 10.0)
    report.told("whole_over_any", found.usd / usd)
    report.told("gap", found.gap)
    report.told("blocks_error", _blocks_error(curves[0]), "", "2e-4 (100 blocks, published)")


def _blocks_error(hours: Hours) -> float:
    """How far the cost of 100 blocks is from that of all hours, as a share, whatever is reserved."""
    heights, shares = duration_curve(hours, 100)
    errors = []
    for held in np.linspace(hours.min(), hours.max(), 333):
        exact = 0.6 * held + float(np.maximum(hours - held, 0).mean())
        blocks = 0.6 * held + float((np.maximum(heights - held, 0) * shares).sum())
        errors.append(abs(blocks / exact - 1))
    return float(max(errors))


def large_question() -> SupplyQuestion:
    """20 pools with 10 types each, three terms with minimum orders, limits on demand and on spot; a year by the hour."""
    chance = np.random.default_rng(1)
    hour = np.arange(HOURS)
    demands, offers = [], []
    for kind in range(TYPES):
        base = chance.uniform(50, 800)
        wave = 1 + 0.3 * np.sin(hour / 24 * 2 * np.pi) + 0.1 * np.sin(hour / 168 * 2 * np.pi) + 0.3 * hour / HOURS
        noise = np.exp(0.15 * np.cumsum(chance.normal(0, 0.05, HOURS)))
        hourly = tuple(np.maximum(0, base * wave * noise))
        demands.append(Demand(name=f"type-{kind}", accelerator=f"type-{kind}", hourly=hourly, growth=0.0))
        price = chance.uniform(1, 8)
        for pool in range(POOLS):
            own = price * chance.uniform(0.85, 1.3)
            terms = tuple(
                Term(name=name, hours=h, usd_per_h=own * f * chance.uniform(0.95, 1.05), nodes_min=4, nodes_max=20)
                for name, h, f in (("1 month", 730, 0.85), ("1 year", 8760, 0.65), ("3 years", 26280, 0.5))
            )
            spot = Spot(usd_per_h=own * 0.35, availability=float(chance.uniform(0.3, 0.9)), gpus_max=64)
            offers.append(
                SupplyOffer(
                    pool=f"pool-{pool}",
                    accelerator=f"type-{kind}",
                    on_demand_usd_per_h=own,
                    on_demand_max=None if pool == 0 else 128,
                    spot=spot,
                    terms=terms,
                )
            )
    return SupplyQuestion(demands=tuple(demands), offers=tuple(offers))


if __name__ == "__main__":
    main()
