"""Run times are learnt as jobs end: the class above lends what is not known, the latest count most, the living count too."""

import random

import pytest

from tauon.forecast.run_times import MOST_CLASSES, RunTimes

TRAIN = ("research", "8", "ada", "train")
SWEEP = ("research", "1", "ada", "sweep")


def learnt(*seen: tuple[tuple[str, ...], float], times: int = 1) -> RunTimes:
    run_times = RunTimes()
    for _ in range(times):
        for job_class, seconds in seen:
            run_times.finished(job_class, seconds)
    return run_times


def test_with_nothing_seen_the_longer_it_ran_the_longer_it_will() -> None:
    run_times = RunTimes()
    halves = [run_times.quantile(TRAIN, 0.5, ran_s) for ran_s in (1_000.0, 10_000.0, 100_000.0)]
    assert halves == [pytest.approx(3 * ran_s, rel=0.3) for ran_s in (1_000.0, 10_000.0, 100_000.0)]


def test_what_always_takes_an_hour_is_predicted_to_take_an_hour() -> None:
    run_times = learnt((TRAIN, 3_600.0), (SWEEP, 60.0), times=100)
    assert run_times.quantile(TRAIN, 0.5) == pytest.approx(3_600.0, rel=0.2)
    assert run_times.quantile(TRAIN, 0.5, 3_000.0) == pytest.approx(600.0, rel=0.7)
    assert run_times.quantile(SWEEP, 0.5) == pytest.approx(60.0, rel=0.2)


def test_quantiles_are_those_of_the_sample() -> None:
    chance = random.Random(7)
    run_times = RunTimes()
    sample = [chance.lognormvariate(7.0, 0.7) for _ in range(2_000)]
    for seconds in sample:
        run_times.finished((), seconds)
    sample.sort()
    for q in (0.1, 0.5, 0.9):
        assert run_times.quantile((), q) == pytest.approx(sample[int(q * len(sample))], rel=0.3)
    lasted = [seconds - 2_000 for seconds in sample if seconds > 2_000]
    assert run_times.quantile((), 0.5, 2_000.0) == pytest.approx(lasted[len(lasted) // 2], rel=0.3)


def test_an_unknown_class_has_the_curve_of_what_is_above_it() -> None:
    run_times = learnt((TRAIN, 3_600.0), (SWEEP, 60.0), times=20)
    assert run_times.quantile(("research", "8", "grace"), 0.5) == run_times.quantile(("research", "8"), 0.5)
    assert run_times.known(("research", "8", "grace")) == 0


def test_little_evidence_moves_a_class_a_little_and_much_moves_it_all_the_way() -> None:
    run_times = learnt((SWEEP, 60.0), times=50)
    halves = [run_times.quantile(TRAIN, 0.5)]
    for times in (1, 9, 90):
        for _ in range(times):
            run_times.finished(TRAIN, 36_000.0)
        halves.append(run_times.quantile(TRAIN, 0.5))
    assert halves == sorted(halves)
    assert halves[1] < 3_000
    assert halves[-1] == pytest.approx(36_000.0, rel=0.2)


def test_what_was_true_long_ago_is_forgotten() -> None:
    run_times = learnt((TRAIN, 3_600.0), times=500)
    for _ in range(60):
        run_times.finished(TRAIN, 60.0)
    assert run_times.quantile(TRAIN, 0.5) == pytest.approx(60.0, rel=0.3)


def test_what_was_cut_short_would_have_run_on() -> None:
    ended, cut = learnt((TRAIN, 600.0), times=30), RunTimes()
    for _ in range(30):
        cut.cut_short(TRAIN, 600.0)
    assert ended.quantile(TRAIN, 0.5) < 700
    assert cut.quantile(TRAIN, 0.5) > 1_500


def test_what_still_runs_counts_as_not_yet_ended() -> None:
    run_times = learnt((TRAIN, 60.0), times=10)
    before = run_times.quantile(TRAIN, 0.9)
    run_times.at_work([7_200.0] * 10)
    assert run_times.quantile(TRAIN, 0.9) > 1.5 * before
    run_times.at_work([])
    assert run_times.quantile(TRAIN, 0.9) == before


def test_one_that_runs_for_ever_hardly_counts_among_many() -> None:
    run_times = learnt((TRAIN, 60.0), times=1_000)
    before = run_times.quantile(TRAIN, 0.5)
    run_times.at_work([1e7])
    assert run_times.quantile(TRAIN, 0.5) == pytest.approx(before, rel=0.05)


def test_the_histogram_tells_what_ended_when() -> None:
    histogram = learnt((TRAIN, 100.0), (TRAIN, 5_000.0), times=3).histogram(TRAIN)
    assert [before > seconds for (before, _), seconds in zip(histogram, (100.0, 5_000.0), strict=True)] == [True, True]
    assert [count for _, count in histogram] == [pytest.approx(3.0, rel=0.05)] * 2
    assert RunTimes().histogram(TRAIN) == []


def test_short_work_completes_more_for_what_it_takes() -> None:
    run_times = learnt((TRAIN, 3_600.0), (SWEEP, 60.0), times=100)
    assert run_times.completions_per_s(SWEEP) > 10 * run_times.completions_per_s(TRAIN)


def test_the_same_history_gives_the_same_answers_whoever_asked_between() -> None:
    chance = random.Random(3)
    seen = [(chance.choice([TRAIN, SWEEP]), chance.expovariate(0.001)) for _ in range(300)]
    asked, silent = RunTimes(), RunTimes()
    for job_class, seconds in seen:
        for one in (asked, silent):
            one.finished(job_class, seconds)
        asked.quantile(SWEEP, 0.5)
    assert asked.quantile(SWEEP, 0.5) == pytest.approx(silent.quantile(SWEEP, 0.5), rel=0.1)
    again = RunTimes()
    for job_class, seconds in seen:
        again.finished(job_class, seconds)
    assert again.quantile(SWEEP, 0.5) == silent.quantile(SWEEP, 0.5)


def test_classes_that_nobody_uses_any_more_make_room() -> None:
    run_times = RunTimes()
    for number in range(MOST_CLASSES):
        run_times.finished((f"queue-{number}",), 60.0)
    run_times.finished(TRAIN, 60.0)
    assert run_times.known(("queue-0",)) == 0
    assert run_times.known(TRAIN) == 1
    assert run_times.jobs == MOST_CLASSES + 1


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1e9])
def test_the_shortest_and_the_longest_are_learnt_from_too(seconds: float) -> None:
    run_times = learnt((TRAIN, seconds), times=20)
    assert run_times.quantile(TRAIN, 0.5) >= 0.0
    assert run_times.quantile(TRAIN, 0.9, seconds) >= 0.0
