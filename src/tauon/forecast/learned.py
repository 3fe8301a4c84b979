"""One model for all series: how much of each sign of change is to be believed, learnt by recursive least squares.

What it foretells is the change relative to the level, so that a small service learns from the large ones.
"""

from __future__ import annotations

from tauon.forecast.contestants import change_by_day, change_by_week
from tauon.forecast.series import Series

_FORGET = 0.99999  # what it learnt 100,000 values ago counts a third
_PRIOR = 10.0
_MOST = 3.0
SIGNS = 6


def signs(series: Series, ahead: int) -> tuple[float, ...]:
    """What may tell where the load goes, relative to its level: 0 means no sign of change."""
    level = series.fast + 1.0
    return (
        1.0,
        _bounded((series.last - series.fast) / level),
        _bounded((series.fast - series.slow) / level),
        _bounded((series.fast - series.steady) / level),
        change_by_day(series, ahead) - 1.0,
        change_by_week(series, ahead) - 1.0,
    )


def _bounded(x: float) -> float:
    return _MOST if x > _MOST else -_MOST if x < -_MOST else x


class Learned:
    """Weights of the signs for one horizon."""

    __slots__ = ("_p", "weights")

    def __init__(self) -> None:
        self.weights = [0.0] * SIGNS
        self._p = [[1.0 / _PRIOR if i == j else 0.0 for j in range(SIGNS)] for i in range(SIGNS)]

    def foretell(self, level: float, x: tuple[float, ...]) -> float:
        """The value to come, of what stands at `level`."""
        change = sum(w * sign for w, sign in zip(self.weights, x, strict=True))
        return max(0.0, level + _bounded(change) * (level + 1.0))

    def learn(self, level: float, x: tuple[float, ...], actual: float) -> None:
        """Take in what came (recursive least squares with exponential forgetting)."""
        p = self._p
        px = [sum(a * b for a, b in zip(row, x, strict=True)) for row in p]
        scale = 1.0 / (_FORGET + sum(a * b for a, b in zip(px, x, strict=True)))
        gain = [v * scale for v in px]
        change = _bounded((actual - level) / (level + 1.0))
        error = change - sum(w * sign for w, sign in zip(self.weights, x, strict=True))
        self.weights = [w + k * error for w, k in zip(self.weights, gain, strict=True)]
        fade = 1.0 / _FORGET
        self._p = [[(v - k * u) * fade for v, u in zip(row, px, strict=True)] for row, k in zip(p, gain, strict=True)]
