"""A race of rules at one horizon: each is held to what came, its errors become its band, and the best one speaks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tauon.forecast.error import pinball

QUANTILES = (0.1, 0.5, 0.9, 0.99)
JUDGED = (1, 2)  # the positions of the quantiles by whose loss the winner is chosen

# How far a quantile moves at each value, relative to the errors seen of late; fast while it is young.
_STEP, _FIRST_STEPS, _LARGEST_STEP = 0.01, 5.0, 0.3
_SIZE_MEMORY = 0.01
# So many minutes back a loss counts a third: shorter, and the winner changes with every burst.
_MEMORY = 1.0 / 5000.0

# Another rule speaks only once it is better by so much, or the band would jump between two that are equally good.
_BETTER = 0.97

# Counts scatter by their root and loads by their level; what both make together at a level, a minute.
_SCATTER = 50.0


def scatter(point: float) -> float:
    """What an error is measured in at this level."""
    return math.sqrt(point * (point + _SCATTER) + 1.0)


class Runner:
    """One rule in the race: where the quantiles of its errors lie, and its loss of late."""

    __slots__ = ("count", "loss", "offsets", "size")

    def __init__(self, like: Runner | None = None) -> None:
        self.offsets: list[float] = list(like.offsets) if like else [-0.3, 0.0, 0.3, 0.6]
        self.size: float = like.size if like else 0.3
        self.loss: float = like.loss if like else 1.0
        self.count = 0

    def learn(self, point: float, actual: float) -> None:
        """Hold a forecast to what came: online quantiles (Robbins and Monro 1951), whose coverage is right in the long
        run whatever the errors are like (Gibbs and Candes 2021)."""
        self.count += 1
        young = 1.0 / self.count
        unit = scatter(point)
        error = (actual - point) / unit
        offsets = self.offsets
        loss = 0.0
        for position in JUDGED:
            loss += pinball(error, offsets[position], QUANTILES[position])
        # Losses are compared between rules, so each is in units of the load, not of the rule's own point.
        loss *= unit
        self.loss += (loss - self.loss) * (young if young > _MEMORY else _MEMORY)
        size, most = abs(error), 5.0 * self.size + 0.1
        self.size += ((size if size < most else most) - self.size) * (young if young > _SIZE_MEMORY else _SIZE_MEMORY)
        step = _FIRST_STEPS * young
        step = _STEP if step < _STEP else _LARGEST_STEP if step > _LARGEST_STEP else step
        for position, q in enumerate(QUANTILES):
            offset = offsets[position]
            # A band that is far too wide must not take for ever to become narrow: nine steps in ten are small ones.
            reach = step * (self.size + abs(offset))
            offsets[position] += reach * (q if error > offset else q - 1.0)

    def quantile(self, point: float, position: int) -> float:
        """The quantile at a position of `QUANTILES`."""
        return max(0.0, point + self.offsets[position] * scatter(point))


class Race:
    """The rules of one series at one horizon."""

    __slots__ = ("runners", "winner")

    def __init__(self, rules: int, like: Race | None = None) -> None:
        self.runners: list[Runner] = [Runner(like.runners[i] if like else None) for i in range(rules)]
        self.winner: int = like.winner if like else 0

    def blended(self, points: Sequence[float]) -> float:
        """The medians of all, each counting for more the better it was of late (by the eighth power of its loss)."""
        runners = self.runners
        least = min(runner.loss for runner in runners[:-1])
        total = weights = 0.0
        for runner, point in zip(runners, points, strict=False):
            ratio = least / runner.loss if runner.loss else 1.0
            ratio *= ratio
            ratio *= ratio
            ratio *= ratio
            total += ratio * runner.quantile(point, 1)
            weights += ratio
        return total / weights if weights else 0.0

    def learn(self, points: tuple[float, ...], actual: float) -> None:
        """Hold all rules to what came, and let the best one speak."""
        runners = self.runners
        best, least = self.winner, math.inf
        for at, (runner, point) in enumerate(zip(runners, points, strict=True)):
            runner.learn(point, actual)
            if runner.loss < least:
                best, least = at, runner.loss
        if best != self.winner and least < _BETTER * runners[self.winner].loss:
            self.winner = best
