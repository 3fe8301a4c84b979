"""Run times foretold from the past alone: Philly's jobs in the order in which they came, each judged when it ended."""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Report, say
from tauon.forecast.error import pinball
from tauon.forecast.run_times import RunTimes
from tauon.simulator.traces.formats import Trace
from tauon.simulator.traces.job import TraceJob

WARM = 2_000
LOOK_US = 900 * 1_000_000
AGES_S = (0.0, 600.0, 3_600.0, 36_000.0)
REFIT_EVERY, REFIT_ON = 10_000, 20_000

Predict = Callable[[list[list[float]]], Sequence[float]]


@dataclass(slots=True)
class Score:
    """Sums over what was judged: losses of the logarithm of the time, ratios, coverage."""

    judged: int = 0
    loss: float = 0.0
    ratio: float = 0.0
    covered: int = 0

    def add(self, actual_s: float, middle_s: float, high_s: float) -> None:
        actual, middle, high = (math.log(max(1.0, s)) for s in (actual_s, middle_s, high_s))
        self.judged += 1
        self.loss += pinball(actual, middle, 0.5) + pinball(actual, high, 0.9)
        self.ratio += abs(actual - middle)
        self.covered += actual_s <= high_s


def class_of(job: TraceJob) -> tuple[str, ...]:
    """As the product has it: the queue, then the size; the trace names no users."""
    return job.queue, str(job.accelerators_milli)


def run_times(report: Report, folder: Path) -> None:
    """Add the figures of this part to a report."""
    jobs = sorted(Trace(folder / "philly" / "philly_82k.csv").jobs(), key=lambda j: j.at_us)
    ours, naive = RunTimes(), RunTimes()
    last: dict[tuple[str, ...], deque[float]] = {}
    scores = {name: Score() for name in ("all alike", "last five alike", *(f"ours at {age:g}" for age in AGES_S))}
    learning_s = asking_s = 0.0
    for number, job, ended, running_s in _told(jobs):
        for one in ended:
            began = time.perf_counter()
            ours.finished(class_of(one), one.duration_s)
            learning_s += time.perf_counter() - began
            naive.finished((), one.duration_s)
            last.setdefault(class_of(one), deque(maxlen=5)).append(one.duration_s)
        if running_s is not None:
            ours.at_work(running_s)
        if number < WARM:
            continue
        began = time.perf_counter()
        curve = ours.curve(class_of(job))
        asking_s += time.perf_counter() - began
        for age in AGES_S:
            if job.duration_s > age:
                middle, high = curve.remaining_s(0.5, age), curve.remaining_s(0.9, age)
                scores[f"ours at {age:g}"].add(job.duration_s - age, middle, high)
        alike = naive.all_alike()
        scores["all alike"].add(job.duration_s, alike.remaining_s(0.5), alike.remaining_s(0.9))
        five = sorted(last.get(class_of(job), [])) or [alike.remaining_s(0.5)]
        scores["last five alike"].add(job.duration_s, five[len(five) // 2], five[-1])
    _report(report, scores, learning_s / len(jobs) * 1e6, asking_s / (len(jobs) - WARM) * 1e6)
    boosted = _boosted(jobs)
    if boosted is not None:
        base = scores["all alike"]
        report.told("run_time_skill_boosted", 1 - boosted.loss / boosted.judged / (base.loss / base.judged))


def _report(report: Report, scores: dict[str, Score], learning_us: float, asking_us: float) -> None:
    ours, naive, five = scores["ours at 0"], scores["all alike"], scores["last five alike"]

    def skill(of: Score) -> float:
        return 1 - of.loss / of.judged / (naive.loss / naive.judged)

    def typical(of: Score) -> float:
        return math.exp(of.ratio / of.judged)

    report.at_least(
        "run_time_skill", skill(ours), "", 0.25, f"median and largest of the last five alike {skill(five):.2f}"
    )
    report.told(
        "run_time_ratio", typical(ours), "x", f"all alike {typical(naive):.1f}, last five alike {typical(five):.1f}"
    )
    for age in AGES_S:
        score = scores[f"ours at {age:g}"]
        report.told(f"run_time_coverage90_at_{age:g}s", score.covered / score.judged, f"of {score.judged:,}")
    report.told("run_time_learn_us", learning_us, "us/job")
    report.told("run_time_ask_us", asking_us, "us/job")


def _told(jobs: Sequence[TraceJob]) -> Iterator[tuple[int, TraceJob, list[TraceJob], list[float] | None]]:
    """Each job as it comes, with those that ended before it, and now and then for how long the others have run."""
    running: list[tuple[int, int]] = []
    looked_us = 0
    for number, job in enumerate(jobs):
        ended = []
        while running and running[0][0] <= job.at_us:
            ended.append(jobs[heapq.heappop(running)[1]])
        ages = None
        if job.at_us - looked_us >= LOOK_US:
            looked_us = job.at_us
            ages = [(job.at_us - jobs[other].at_us) / 1e6 for _, other in running]
        yield number, job, ended, ages
        heapq.heappush(running, (job.at_us + round(job.duration_s * 1e6), number))


def _boosted(jobs: Sequence[TraceJob]) -> Score | None:
    """Gradient-boosted quantiles (scikit-learn), refitted on the past as it goes; None where that is not installed."""
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - it is there for developers only
    except ImportError:
        return None
    say("gradient boosting, for comparison")
    score = Score()
    queues: dict[str, int] = {}
    last: dict[tuple[str, ...], deque[float]] = {}
    everyone: deque[float] = deque(maxlen=50)
    signs: dict[int, list[float]] = {}
    known: list[tuple[list[float], float]] = []
    index = {id(job): number for number, job in enumerate(jobs)}
    models: list[Predict] = []
    asked: list[tuple[list[float], float]] = []
    for number, job, ended, _ in _told(jobs):
        for one in ended:
            logged = math.log(max(1.0, one.duration_s))
            last.setdefault(class_of(one), deque(maxlen=15)).append(logged)
            everyone.append(logged)
            known.append((signs.pop(index[id(one)]), logged))
        past = list(last.get(class_of(job), ()))[::-1]
        ordered = sorted(past)
        signs[number] = [
            queues.setdefault(job.queue, len(queues)),
            job.accelerators,
            (job.at_us // 3_600_000_000) % 24,
            *(past[:5] + [math.nan] * (5 - len(past[:5]))),
            *((ordered[len(ordered) // 2], ordered[-1], ordered[0]) if ordered else (math.nan,) * 3),
            sum(everyone) / len(everyone) if everyone else math.nan,
        ]
        if number == WARM or (number % REFIT_EVERY == 0 and number > WARM):
            _judge(models, asked, score)
            asked = []
            x, y = zip(*known[-REFIT_ON:], strict=True)
            models = [
                HistGradientBoostingRegressor(loss="quantile", quantile=q, max_iter=100, random_state=0)
                .fit(list(x), list(y))
                .predict
                for q in (0.5, 0.9)
            ]
        asked.append((signs[number], job.duration_s))
    _judge(models, asked, score)
    return score


def _judge(models: Sequence[Predict], asked: Sequence[tuple[list[float], float]], score: Score) -> None:
    """Hold what the models say of the jobs since their fit to what came."""
    if models and asked:
        found = [model([signs for signs, _ in asked]) for model in models]
        for middle, high, (_, actual_s) in zip(*found, asked, strict=True):
            score.add(actual_s, math.exp(float(middle)), math.exp(max(float(middle), float(high))))
