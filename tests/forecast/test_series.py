"""A series keeps its level over three memories and its days, and takes an outage, a gap and a spike for what they are."""

import math

import pytest

from tauon.forecast.series import DAYS, OUTAGE_MINUTES, SLOT, Series

DAY = 24 * 60
START = 29_000_000


def fed(*values: float | None, start: int = START) -> Series:
    series = Series()
    for minute, value in enumerate(values, start):
        series.put(minute, value)
    return series


def test_levels_of_what_is_always_the_same_are_that() -> None:
    series = fed(*[60.0] * 100)
    assert (series.last, series.fast, series.slow, series.steady) == (60.0, *[pytest.approx(60.0)] * 3)


def test_a_short_memory_follows_at_once_and_a_long_one_slowly() -> None:
    series = fed(*[10.0] * 200, *[100.0] * 10)
    assert series.last > series.fast > series.slow > series.steady > 10.0
    assert series.fast > 95.0
    assert series.steady < 30.0


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -1.0])
def test_what_is_missing_or_makes_no_sense_is_passed_over(missing: float | None) -> None:
    series = fed(*[60.0] * 50, *[missing] * 50)
    assert series.fast == pytest.approx(60.0)
    assert series.seen == 50


def test_a_sudden_nothing_is_an_outage_for_a_while_and_then_it_is_true() -> None:
    series = fed(*[600.0] * 100, *[0.0] * OUTAGE_MINUTES)
    assert series.last == 600.0
    assert series.put(series.minute + 1, 0.0) == 0.0
    assert series.last == 0.0


def test_nothing_after_little_is_no_outage() -> None:
    assert fed(*[3.0] * 100, 0.0).last == 0.0


def test_all_zero_is_a_level_too() -> None:
    series = fed(*[0.0] * 3 * DAY)
    assert series.fast == series.slow == series.steady == 0.0
    assert series.a_day_before(series.minute) == 0.0


def test_a_clock_set_back_changes_nothing() -> None:
    series = fed(*[60.0] * 100)
    assert series.put(START + 5, 1_000.0) is None
    assert series.minute == START + 99
    assert series.fast == pytest.approx(60.0)


def test_what_was_a_day_and_a_week_before_is_known() -> None:
    series = fed(*[100.0 + (minute % DAY) for minute in range(START, START + (DAYS - 1) * DAY + 60)])
    for ahead in (0, 1, 30, 60):
        then = 100.0 + (series.minute + ahead) % DAY
        assert series.a_day_before(series.minute + ahead) == pytest.approx(then, abs=SLOT)
        assert series.a_week_before(series.minute + ahead) == pytest.approx(then, abs=SLOT)


def test_a_gap_is_unknown_and_not_no_load() -> None:
    series = fed(*[60.0] * DAY)
    series.put(series.minute + DAY, 60.0)
    series.put(series.minute + 30, 60.0)
    assert series.a_day_before(series.minute - 60) is None or series.a_day_before(series.minute - 60) == 60.0
    assert series.before(series.minute, DAY // 2) is None


def test_a_gap_longer_than_all_that_is_kept_leaves_nothing_behind() -> None:
    series = fed(*[60.0] * DAY)
    series.put(series.minute + 100 * DAY, 10.0)
    assert series.a_day_before(series.minute) is None
    assert series.a_week_before(series.minute) is None


def test_a_spike_is_followed_but_not_expected_again_in_full() -> None:
    series = fed(*[60.0] * DAY, *[3_000.0] * SLOT, *[60.0] * DAY)
    spike = series.a_day_before(START + 2 * DAY + SLOT // 2)
    assert spike is not None
    assert 60.0 < spike < 1_000.0
    assert fed(*[60.0] * DAY, 3_000.0).last == 3_000.0
