"""Dividing a scarce capacity among demands: everything where it suffices, else by priority and weighted water-filling."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that is wanted, in any one unit; higher priority is served first, `weight` shares within a priority."""

    amount: int
    weight: int = 1
    priority: int = 0


def allocate(demands: Sequence[Demand], capacity: int) -> list[Fraction]:
    """The allocation 0 <= y_i <= x_i, sum y_i <= capacity, that leaves the least weighted demand unmet and the least
    idle; exact, in the order of the demands.

    Priorities are served one after the other; within the one where capacity ends, y_i = min(x_i, w_i t) for the level
    t at which it is used up (weighted max-min fairness, Bertsekas and Gallager, Data Networks, 6.5.2).
    Cost n log n. Raises ValueError for a negative amount or capacity, or a weight below one.
    """
    if capacity < 0 or any(d.amount < 0 or d.weight < 1 for d in demands):
        raise ValueError("amounts and capacity are zero or more, weights one or more")
    result = [Fraction(0)] * len(demands)
    left = Fraction(capacity)
    for priority in sorted({d.priority for d in demands}, reverse=True):
        members = [i for i, d in enumerate(demands) if d.priority == priority]
        for i, amount in _fill(demands, members, left):
            result[i] = amount
            left -= amount
    return result


def _fill(demands: Sequence[Demand], members: list[int], capacity: Fraction) -> list[tuple[int, Fraction]]:
    """Raise the water level t until the capacity is used up or everybody has what they want."""
    by_level = sorted(members, key=lambda i: Fraction(demands[i].amount, demands[i].weight))
    weight = sum(demands[i].weight for i in members)
    left = capacity
    filled: list[tuple[int, Fraction]] = []
    for position, i in enumerate(by_level):
        level = left / weight
        if Fraction(demands[i].amount, demands[i].weight) > level:
            filled += [(j, demands[j].weight * level) for j in by_level[position:]]
            return filled
        amount = Fraction(demands[i].amount)
        filled.append((i, amount))
        left -= amount
        weight -= demands[i].weight
    return filled
