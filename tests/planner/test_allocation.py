"""The division of a scarce capacity: exact, fair by definition, and no dearer than the linear programme's optimum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from tauon.planner.allocation import Demand, allocate

demands = st.lists(
    st.builds(
        Demand,
        amount=st.integers(0, 50),
        weight=st.integers(1, 5),
        priority=st.integers(0, 2),
    ),
    max_size=8,
)


@given(demands, st.integers(0, 200))
def test_nobody_gets_more_than_asked_and_nothing_more_than_there_is_is_given(
    wanted: list[Demand], capacity: int
) -> None:
    given_ = allocate(wanted, capacity)
    assert all(0 <= y <= d.amount for y, d in zip(given_, wanted, strict=True))
    assert sum(given_) == min(capacity, sum(d.amount for d in wanted))


@given(demands)
def test_where_capacity_suffices_everybody_gets_what_they_ask_for(wanted: list[Demand]) -> None:
    assert allocate(wanted, sum(d.amount for d in wanted)) == [d.amount for d in wanted]


@given(demands, st.integers(0, 200))
def test_a_lower_priority_gets_something_only_when_the_higher_ones_are_served(
    wanted: list[Demand], capacity: int
) -> None:
    given_ = allocate(wanted, capacity)
    unserved = [d.priority for y, d in zip(given_, wanted, strict=True) if y < d.amount]
    served = [d.priority for y, d in zip(given_, wanted, strict=True) if y > 0]
    assert not unserved or not served or max(unserved) <= min(served)


@given(demands, st.integers(0, 200))
def test_within_a_priority_nobody_has_more_for_their_weight_than_somebody_unserved(
    wanted: list[Demand], capacity: int
) -> None:
    given_ = allocate(wanted, capacity)
    for y, d in zip(given_, wanted, strict=True):
        for z, e in zip(given_, wanted, strict=True):
            if d.priority == e.priority and z < e.amount:
                assert Fraction(y, d.weight) <= Fraction(z, e.weight)


@given(demands.filter(len), st.integers(0, 200))
def test_it_costs_what_the_linear_programme_costs(wanted: list[Demand], capacity: int) -> None:
    unmet = np.array([1000.0**d.priority for d in wanted])
    idle = 0.5
    solved = linprog(
        -(unmet + idle),
        A_ub=np.ones((1, len(wanted))),
        b_ub=[capacity],
        bounds=[(0, d.amount) for d in wanted],
        method="highs",
    )
    ours = sum(-(w + idle) * float(y) for w, y in zip(unmet, allocate(wanted, capacity), strict=True))
    assert ours == pytest.approx(solved.fun, rel=1e-9, abs=1e-6)


def test_weights_share_what_is_scarce() -> None:
    wanted = [Demand(amount=10, weight=2), Demand(amount=10, weight=1), Demand(amount=1, weight=1)]
    assert allocate(wanted, 10) == [6, 3, 1]


def test_negative_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        allocate([Demand(amount=-1)], 5)
