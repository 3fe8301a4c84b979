"""Forecasts of arrivals: their bands hold what they promise, the better rule speaks, and bad input is borne."""

import math
import random
from collections.abc import Callable, Iterable

import pytest

from tauon.forecast.arrivals import HORIZONS, OWN_RACE, Arrivals
from tauon.forecast.contestants import RULES, change_by_day
from tauon.forecast.learned import SIGNS, Learned
from tauon.forecast.race import Runner
from tauon.forecast.series import Series

DAY = 24 * 60
START = 29_000_000


def fed(values: Iterable[float | None], name: str = "chat") -> Arrivals:
    arrivals = Arrivals()
    for minute, value in enumerate(values, START):
        arrivals.observe(name, minute, value)
    return arrivals


def noisy(mean: Callable[[int], float], minutes: int, seed: int = 1, spread: float = 1.0) -> list[float]:
    """Counts around a mean that may change, with a variance of `spread` times it."""
    chance = random.Random(seed)
    return [max(0.0, round(chance.gauss(mean(m), math.sqrt(spread * mean(m))))) for m in range(minutes)]


def test_of_what_never_came_nothing_is_foretold() -> None:
    assert Arrivals().forecast("chat", 10) is None
    assert fed([None] * 30).forecast("chat", 10) is None
    assert Arrivals().quality("chat") == []


def test_the_band_holds_what_it_promises() -> None:
    arrivals = fed(noisy(lambda _: 300.0, 2 * DAY, spread=4.0))
    for quality in arrivals.quality("chat"):
        assert quality.coverage == pytest.approx(0.9, abs=0.05)
    found = arrivals.forecast("chat", 10)
    assert found is not None
    assert found.low < found.middle < found.high < found.extreme
    assert found.middle == pytest.approx(300.0, rel=0.1)
    # A count that scatters by 35 is below 300 + 1.28 x 35 nine times in ten.
    assert found.high == pytest.approx(345.0, rel=0.1)


def test_noise_is_foretold_better_than_by_the_last_value() -> None:
    arrivals = fed(noisy(lambda _: 300.0, DAY, spread=4.0))
    assert all(quality.skill > 0.1 for quality in arrivals.quality("chat"))


def test_days_that_are_alike_are_foretold_an_hour_ahead() -> None:
    def mean(minute: int) -> float:
        return 500.0 + 400.0 * math.sin(2 * math.pi * minute / DAY)

    arrivals = fed(noisy(mean, 4 * DAY))
    quality = arrivals.quality("chat")[-1]
    assert quality.ahead_minutes == 60
    assert quality.skill > 0.3
    assert quality.rule != "last value"
    found = arrivals.forecast("chat", 60)
    assert found is not None
    assert found.middle == pytest.approx(mean(4 * DAY + 59), rel=0.15)


def test_the_nearest_horizon_that_is_no_shorter_answers() -> None:
    arrivals = fed([60.0] * 300)
    asked = {1: 1, 2: 3, 10: 10, 11: 30, 60: 60, 600: 60}
    found = {ahead: arrivals.forecast("chat", ahead) for ahead in asked}
    assert {ahead: one.ahead_minutes for ahead, one in found.items() if one} == asked


def test_what_is_new_gets_more_than_it_ever_had() -> None:
    for minutes in (1, 5, OWN_RACE - 1):
        found = fed([40.0, 10.0, 100.0, 20.0, 30.0] * minutes).forecast("chat", 60)
        if minutes == OWN_RACE - 1:
            assert found is not None
            assert found.rule != "reactive"
        else:
            assert found is not None
            assert found.rule == "reactive"
            assert found.high == 150.0


def test_nothing_at_all_is_foretold_to_go_on() -> None:
    found = fed([0.0] * DAY).forecast("chat", 60)
    assert found is not None
    assert found.low == found.middle == 0.0
    assert found.extreme < 1.0


def test_gaps_spikes_and_clocks_that_jump_are_borne() -> None:
    values: list[float | None] = list(noisy(lambda _: 300.0, DAY))
    values[300:500] = [None] * 200
    values[700] = 15_000.0
    values[800:810] = [0.0] * 10
    arrivals = fed(values)
    arrivals.observe("chat", START + 100, 9_999.0)  # long ago
    found = arrivals.forecast("chat", 10)
    assert found is not None
    assert 250.0 < found.middle < 350.0
    assert found.high < 600.0
    arrivals.observe("chat", START + 30 * DAY, 280.0)  # a jump ahead
    later = arrivals.forecast("chat", 10)
    assert later is not None
    assert 200.0 < later.middle < 400.0
    assert all(quality.coverage > 0.85 for quality in arrivals.quality("chat"))


def test_after_a_step_the_forecast_follows_within_minutes() -> None:
    found = fed([*noisy(lambda _: 100.0, DAY), *noisy(lambda _: 1_000.0, 20, seed=2)]).forecast("chat", 1)
    assert found is not None
    assert found.high > 900.0


def test_series_are_told_apart_and_learn_from_each_other() -> None:
    arrivals = Arrivals()
    for minute, (few, many) in enumerate(zip(noisy(lambda _: 5.0, DAY), noisy(lambda _: 900.0, DAY), strict=True)):
        arrivals.observe("small", START + minute, few)
        arrivals.observe("large", START + minute, many)
    small, large = arrivals.forecast("small", 10), arrivals.forecast("large", 10)
    assert small is not None
    assert large is not None
    assert small.high < 20.0 < 800.0 < large.low


def test_the_same_history_gives_the_same_forecasts() -> None:
    values = noisy(lambda _: 300.0, DAY // 4)
    assert fed(values).forecast("chat", 30) == fed(values).forecast("chat", 30)


@pytest.fixture(scope="module")
def steady() -> Series:
    """Nine days of the same."""
    series = Series()
    for minute in range(START, START + 9 * DAY):
        series.put(minute, 60.0)
    return series


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("ahead", HORIZONS)
def test_every_rule_says_of_what_is_always_the_same_that_it_stays(steady: Series, name: str, ahead: int) -> None:
    assert RULES[name](steady, ahead) == pytest.approx(60.0)


def test_a_change_by_day_is_bounded() -> None:
    series = Series()
    for minute in range(START, START + 3 * DAY):
        series.put(minute, 1e6 if (minute // 60) % 2 else 0.0)
    assert all(1 / 8 <= change_by_day(series, ahead) <= 8 for ahead in range(1, 120))


def test_what_is_learnt_is_the_part_of_a_sign_that_comes_true() -> None:
    chance, learned = random.Random(8), Learned()
    for _ in range(3_000):
        x = (1.0, *(chance.uniform(-1, 1) for _ in range(SIGNS - 1)))
        learned.learn(100.0, x, 100.0 + 101.0 * (0.5 * x[2] - 0.25 * x[4]) + chance.gauss(0, 5))
    assert learned.weights == [pytest.approx(w, abs=0.02) for w in (0.0, 0.0, 0.5, 0.0, -0.25, 0.0)]
    assert learned.foretell(100.0, (1.0, 0.0, 0.5, 0.0, 0.0, 0.0)) == pytest.approx(125.0, rel=0.03)


def test_a_band_covers_what_it_should_whatever_the_errors_are_like() -> None:
    chance, runner = random.Random(6), Runner()
    covered = 0
    for number in range(12_000):
        actual = 100.0 + chance.choice([chance.expovariate(0.05), -10.0, chance.gauss(0, 3)])
        if number >= 2_000:
            covered += actual <= runner.quantile(100.0, 2)
        runner.learn(100.0, actual)
    assert covered / 10_000 == pytest.approx(0.9, abs=0.01)
