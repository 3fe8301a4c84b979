"""The rules that race to foretell a series: each a line or two, from a series to its value some minutes ahead."""

from __future__ import annotations

from collections.abc import Callable

from tauon.forecast.series import FAST, SLOW, Series

Rule = Callable[[Series, int], float]

# A profile tells by how much the load goes up or down; by more than this it is not believed.
_MOST_CHANGE = 8.0
_SOME = 1.0  # a minute: below that, a ratio of loads is noise

# The slope between a short memory and a longer one, and how it dies away.
_LAG_MINUTES = (1.0 - SLOW) / SLOW - (1.0 - FAST) / FAST
_DAMPED = 0.92


def last(series: Series, ahead: int) -> float:  # noqa: ARG001 - the same for all horizons
    """Persistence: what was there in the last minute."""
    return series.last


def level(series: Series, ahead: int) -> float:  # noqa: ARG001 - the same for all horizons
    return series.fast


def slow_level(series: Series, ahead: int) -> float:  # noqa: ARG001 - the same for all horizons
    return series.slow


def drift(series: Series, ahead: int) -> float:
    """The level and where it goes, ever more slowly (Gardner and McKenzie 1985)."""
    reach = _DAMPED * (1.0 - _power(_DAMPED, ahead)) / (1.0 - _DAMPED)
    return max(0.0, series.fast + (series.fast - series.slow) / _LAG_MINUTES * reach)


def yesterday(series: Series, ahead: int) -> float:
    """Seasonal naive: what was there a day before."""
    then = series.before(series.minute + ahead, 24 * 60)
    return series.slow if then is None else then


def as_yesterday(series: Series, ahead: int) -> float:
    """The level, moved as the same time of day moved it before."""
    return series.fast * change_by_day(series, ahead)


def as_last_week(series: Series, ahead: int) -> float:
    return series.fast * change_by_week(series, ahead)


def change_by_day(series: Series, ahead: int) -> float:
    """By what the load was multiplied from this time of day to the one ahead; 1 where that is not known."""
    return _change(series.a_day_before(series.minute), series.a_day_before(series.minute + ahead))


def change_by_week(series: Series, ahead: int) -> float:
    return _change(series.a_week_before(series.minute), series.a_week_before(series.minute + ahead))


def _change(now: float | None, then: float | None) -> float:
    if now is None or then is None:
        return 1.0
    ratio = (then + _SOME) / (now + _SOME)
    return min(_MOST_CHANGE, max(1.0 / _MOST_CHANGE, ratio))


def _power(base: float, exponent: int) -> float:
    """By multiplication, so that every machine rounds it alike."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


RULES: dict[str, Rule] = {
    "last value": last,
    "level": level,
    "slow level": slow_level,
    "drift": drift,
    "yesterday": yesterday,
    "as yesterday": as_yesterday,
    "as last week": as_last_week,
}
