"""What comes to each service and queue in the minutes ahead, as quantiles whose coverage is checked all the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from tauon.forecast.contestants import RULES
from tauon.forecast.error import Rolling, pinball
from tauon.forecast.learned import Learned, signs
from tauon.forecast.race import QUANTILES, Race
from tauon.forecast.series import Series

HORIZONS = (1, 3, 10, 30, 60)  # minutes
LEARNED = "learned"
BLEND = "blend"
NAMES = (*RULES, LEARNED, BLEND)
LAST = NAMES.index("last value")
_RULES = tuple(RULES.values())
_HIGH = QUANTILES.index(0.9)
_MIDDLE = QUANTILES.index(0.5)

# So many values at a horizon before a series' own race is believed; until then it runs by the race of all together.
OWN_RACE = 60

# A cold series gets the most that came of late, and this much more.
COLD_MINUTES = 15
COLD_MARGIN = 1.5


class Forecast(NamedTuple):
    """The value of a minute, `ahead_minutes` from the last one: nine in ten lie above `low`, one in ten above `high`,
    one in a hundred above `extreme`. `rule` says who foretold it."""

    ahead_minutes: int
    low: float
    middle: float
    high: float
    extreme: float
    rule: str


class Quality(NamedTuple):
    """How good the forecasts at a horizon were of late: the share of values at or below `high`, and the part of the
    pinball loss of persistence (with a band learnt in the same way) that was saved."""

    ahead_minutes: int
    judged: int
    coverage: float
    skill: float
    rule: str


class _Horizon:
    """One series at one horizon: what was foretold and has not come yet, the race, and how good it was."""

    __slots__ = ("covered", "due", "loss", "naive_loss", "race")

    def __init__(self, race: Race) -> None:
        self.due: deque[tuple[int, tuple[float, ...], tuple[float, ...], float, float, float]] = deque()
        self.race = race
        self.covered = Rolling()
        self.loss = Rolling()
        self.naive_loss = Rolling()


class _Known:
    __slots__ = ("horizons", "recent", "series")

    def __init__(self, races: Sequence[Race]) -> None:
        self.series = Series()
        self.recent: deque[float] = deque(maxlen=COLD_MINUTES)
        self.horizons = [_Horizon(Race(len(NAMES), like=race)) for race in races]


class Arrivals:
    """Forecasts for any number of series by name; values are amounts a minute, minutes are counted from the epoch."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._learned = [Learned() for _ in HORIZONS]
        self._together = [Race(len(NAMES)) for _ in HORIZONS]

    def observe(self, name: str, minute: int, value: float | None) -> None:
        """Take the value of a minute that is over; None where it is not known."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = _Known(self._together)
        series = known.series
        before = series.minute
        found = series.put(minute, value)
        if series.minute == before:
            return
        for at, horizon in enumerate(known.horizons):
            self._settle(at, horizon, minute, found)
        if found is not None:
            known.recent.append(found)
            for at, horizon in enumerate(known.horizons):
                self._foretell(at, horizon, series)

    def _settle(self, at: int, horizon: _Horizon, minute: int, actual: float | None) -> None:
        """Hold what was foretold for this minute to what came."""
        due = horizon.due
        while due and due[0][0] < minute:
            due.popleft()  # what came then is not known
        if not due or due[0][0] != minute:
            return
        _, points, x, level, middle, high = due.popleft()
        if actual is None:
            return
        horizon.covered.add(1.0 if actual <= high else 0.0)
        naive, point = horizon.race.runners[LAST], points[LAST]
        naive_loss = pinball(actual, naive.quantile(point, _MIDDLE), 0.5)
        horizon.naive_loss.add(naive_loss + pinball(actual, naive.quantile(point, _HIGH), 0.9))
        horizon.loss.add(pinball(actual, middle, 0.5) + pinball(actual, high, 0.9))
        horizon.race.learn(points, actual)
        self._together[at].learn(points, actual)
        self._learned[at].learn(level, x, actual)

    def _foretell(self, at: int, horizon: _Horizon, series: Series) -> None:
        ahead = HORIZONS[at]
        x = signs(series, ahead)
        points = contested(series, ahead, self._learned[at].foretell(series.fast, x))
        race = horizon.race
        points = (*points, race.blended(points))
        runner, point = race.runners[race.winner], points[race.winner]
        middle, high = runner.quantile(point, _MIDDLE), runner.quantile(point, _HIGH)
        horizon.due.append((series.minute + ahead, points, x, series.fast, middle, high))

    def forecast(self, name: str, ahead_minutes: int) -> Forecast | None:
        """The forecast at the nearest horizon that is no shorter; None for a series of which nothing has come."""
        known = self._known.get(name)
        if known is None or not known.recent:
            return None
        at = next((i for i, ahead in enumerate(HORIZONS) if ahead >= ahead_minutes), len(HORIZONS) - 1)
        horizon, ahead = known.horizons[at], HORIZONS[at]
        if not horizon.due or horizon.covered.count < OWN_RACE:
            return _cold(known, ahead)
        points = horizon.due[-1][1]
        race = horizon.race
        runner, point = race.runners[race.winner], points[race.winner]
        low, middle, high, extreme = sorted(runner.quantile(point, position) for position in range(len(QUANTILES)))
        return Forecast(ahead, low, middle, high, extreme, NAMES[race.winner])

    def quality(self, name: str) -> list[Quality]:
        """How good the forecasts of a series were at each horizon at which any has come due."""
        known = self._known.get(name)
        found = []
        for ahead, horizon in zip(HORIZONS, known.horizons if known else (), strict=False):
            naive = horizon.naive_loss.value
            if horizon.covered.count:
                skill = 1.0 - horizon.loss.value / naive if naive else 0.0
                rule = NAMES[horizon.race.winner]
                found.append(Quality(ahead, horizon.covered.count, horizon.covered.value, skill, rule))
        return found


def contested(series: Series, ahead: int, learned: float) -> tuple[float, ...]:
    """What each rule foretells: those of one series, and what was learnt from all."""
    return (*(rule(series, ahead) for rule in _RULES), learned)


def _cold(known: _Known, ahead: int) -> Forecast:
    """The safe rule for what is new: as much as the most of late, and half as much again."""
    low, most, level = min(known.recent), max(known.recent), known.series.fast
    high = COLD_MARGIN * most
    return Forecast(ahead, low, level, high, COLD_MARGIN * high, "reactive")
