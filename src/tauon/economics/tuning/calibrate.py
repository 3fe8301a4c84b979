"""Measured points put the model right: constants fitted to them, and a factor for each class of jobs that follows them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from tauon.economics.tuning.chips import Chip, Precision
from tauon.economics.tuning.roofline import UNTUNED, Constants, Load, serving
from tauon.economics.tuning.transformer import Transformer


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement: seconds per output token of a replica on `tp` accelerators of a kind, under a load."""

    chip: Chip
    tp: int
    load: Load
    per_token_s: float
    precision: Precision = Precision.BF16


_BOUNDS = {
    "compute": (0.3, 1.0),
    "memory": (0.4, 1.0),
    "link": (0.05, 1.0),
    "scaling": (0.7, 1.0),
    "layer_us": (0.0, 150.0),
}
_ROUNDS, _SHRINK, _SMALLEST = 200, 0.5, 1e-4


def error(model: Transformer, points: Sequence[Point], constants: Constants) -> float:
    """Mean absolute error as a share of what was measured (MAPE)."""
    return sum(abs(_told(model, p, constants) / p.per_token_s - 1) for p in points) / len(points)


def _told(model: Transformer, point: Point, constants: Constants) -> float:
    return serving(model, point.chip, point.tp, point.precision, point.load, constants).per_token_s


def fitted(model: Transformer, points: Sequence[Point], start: Constants = UNTUNED) -> Constants:
    """The five constants that tell these points best: a pattern search (Hooke and Jeeves, 1961) on the mean error.

    Few constants and no gradient are needed, so nothing random is either: the same points give the same answer.
    """
    best = {name: float(getattr(start, name)) for name in _BOUNDS}
    least = error(model, points, _with(start, best))
    steps = {name: (high - low) / 8 for name, (low, high) in _BOUNDS.items()}
    for _ in range(_ROUNDS):
        improved = False
        for name, (low, high) in _BOUNDS.items():
            for sign in (1, -1):
                tried = best | {name: min(high, max(low, best[name] + sign * steps[name]))}
                found = error(model, points, _with(start, tried))
                if found < least - 1e-12:
                    best, least, improved = tried, found, True
                    break
        if not improved:
            steps = {name: step * _SHRINK for name, step in steps.items()}
            if all(step < _SMALLEST * (_BOUNDS[name][1] - _BOUNDS[name][0]) for name, step in steps.items()):
                break
    return _with(start, best)


def _with(start: Constants, values: dict[str, float]) -> Constants:
    return msgspec.structs.replace(start, **values)


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """How much faster or slower a class of jobs runs than the model says, as a factor that follows what is measured.

    The logarithm is averaged, the newer counting more (an EWMA): a factor of 2 and one of 1/2 cancel out.
    """

    log_factor: float = 0.0
    seen: int = 0

    def after(self, told_s: float, measured_s: float, weight: float = 0.3) -> Correction:
        """With one more measurement; the first ones count by their number, so that none weighs more than it should."""
        share = max(weight, 1 / (self.seen + 1))
        new = math.log(measured_s / told_s)
        return Correction(log_factor=self.log_factor + share * (new - self.log_factor), seen=self.seen + 1)

    @property
    def factor(self) -> float:
        return math.exp(self.log_factor)
