"""What a queue has held of late: an average over the past in which what lies one half-life back counts half."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tauon.model.resources import Resources

# ln 2 ** k / k!: 2 ** -x for 0 <= x < 1, to the last bits of a double. Only operations that IEEE 754 rounds in one way
# are used, so that the same journal gives the same averages, and the same decisions, on every machine.
_LN_2 = 0.6931471805599453


def _coefficients(terms: int) -> tuple[float, ...]:
    found = [1.0]
    for k in range(1, terms):
        found.append(found[-1] * -_LN_2 / k)
    return tuple(reversed(found))


_TAYLOR = _coefficients(18)
_NOTHING_LEFT = 128  # half-lives after which the past counts for nothing


def remaining(age_us: int, half_life_us: int) -> float:
    """2 ** (-age / half-life): how much of something that old still counts."""
    halvings, rest = divmod(max(0, age_us), half_life_us)
    if halvings >= _NOTHING_LEFT:
        return 0.0
    x, value = rest / half_life_us, 0.0
    for coefficient in _TAYLOR:
        value = value * x + coefficient
    return value / (1 << halvings)


class Past(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Averages at a time: thousandths of accelerators by type, thousandths of cores, MiB of memory.

    The average of what was held is the integral of held(s) 2 ** -((t - s) / half-life) ds, times ln 2 / half-life: a
    queue that has always held 8 H100 has an average of 8,000, and one that let go of them a half-life ago of 4,000.
    """

    at_us: int = 0
    accelerators: dict[str, float] = {}
    cpu_milli: float = 0.0
    memory_mib: float = 0.0

    def until(self, at_us: int, half_life_us: int, held: Resources, by_type: Mapping[str, int]) -> Past:
        """The averages at a later time, if these amounts were held all the while."""
        if at_us <= self.at_us:
            return self
        keep = remaining(at_us - self.at_us, half_life_us)
        types = dict.fromkeys((*self.accelerators, *(t for t, milli in by_type.items() if milli)))
        averages = {t: _mean(self.accelerators.get(t, 0.0), by_type.get(t, 0), keep) for t in types}
        return Past(
            at_us=at_us,
            accelerators={t: average for t, average in averages.items() if average},
            cpu_milli=_mean(self.cpu_milli, held.cpu_milli, keep),
            memory_mib=_mean(self.memory_mib, held.memory_mib, keep),
        )


def _mean(before: float, held: int, keep: float) -> float:
    return before * keep + held * (1.0 - keep)
