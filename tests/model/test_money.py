"""Money is exact: no share of a price over any time is ever rounded before it is shown."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.model.money import ATOMS_PER_MICRO_USD, ATOMS_PER_USD, HOUR_US, Money, Rates, usd_per_h_to_micro

amounts = st.integers(0, 10**7)
rates = st.builds(Rates, accelerator_micro_usd=amounts, cpu_micro_usd=amounts, memory_gib_micro_usd=amounts)


@given(rates, amounts, amounts, amounts, st.integers(0, 10 * HOUR_US))
def test_a_cost_is_the_exact_fraction(
    rate: Rates, accelerator_milli: int, cpu_milli: int, memory_mib: int, duration_us: int
) -> None:
    cost = rate.cost(
        accelerator_milli=accelerator_milli, cpu_milli=cpu_milli, memory_mib=memory_mib, duration_us=duration_us
    )
    an_hour = (
        Fraction(accelerator_milli * rate.accelerator_micro_usd, 1000)
        + Fraction(cpu_milli * rate.cpu_micro_usd, 1000)
        + Fraction(memory_mib * rate.memory_gib_micro_usd, 1024)
    )
    assert Fraction(cost.atoms, ATOMS_PER_MICRO_USD) == an_hour * Fraction(duration_us, HOUR_US)


@given(rates, st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.integers(0, HOUR_US))
def test_parts_add_up_to_the_whole(rate: Rates, parts: list[int], duration_us: int) -> None:
    def cost(milli: int, span_us: int) -> Money:
        return rate.cost(accelerator_milli=milli, cpu_milli=milli, memory_mib=milli, duration_us=span_us)

    by_part = Money()
    for milli in parts:
        by_part = by_part + cost(milli, duration_us)
    assert by_part == cost(sum(parts), duration_us)
    assert cost(parts[0], duration_us) + cost(parts[0], HOUR_US - duration_us) == cost(parts[0], HOUR_US)
    assert by_part - by_part == Money()
    assert not (by_part - by_part)


def test_an_hour_of_an_accelerator_costs_its_price() -> None:
    rate = Rates(accelerator_micro_usd=2_490_000)
    hour = rate.cost(accelerator_milli=1000, cpu_milli=0, memory_mib=0, duration_us=HOUR_US)
    assert hour == Money(2_490_000 * ATOMS_PER_MICRO_USD)
    assert hour.usd == Decimal("2.490000")
    assert str(hour) == "$2.49"


@pytest.mark.parametrize(
    ("atoms", "shown"),
    [
        (0, "$0.00"),
        (ATOMS_PER_USD, "$1.00"),
        (1_234_567 * ATOMS_PER_USD, "$1,234,567.00"),
        (ATOMS_PER_MICRO_USD, "$0.000001"),
        (ATOMS_PER_USD // 200, "$0.005000"),
        (ATOMS_PER_USD // 50, "$0.02"),
    ],
)
def test_how_money_is_shown(atoms: int, shown: str) -> None:
    assert str(Money(atoms)) == shown


def test_rounding_is_half_to_even() -> None:
    half = ATOMS_PER_MICRO_USD // 2
    assert [Money(n * ATOMS_PER_MICRO_USD + half).micro_usd for n in range(4)] == [0, 2, 2, 4]
    assert Money(half - 1).micro_usd == 0
    assert Money(half + 1).micro_usd == 1


@pytest.mark.parametrize(
    ("written", "micro"), [("2.49", 2_490_000), (3, 3_000_000), (0, 0), ("0.000001", 1), (0.1, 100_000), ("1e3", 10**9)]
)
def test_prices(written: str | float, micro: int) -> None:
    assert usd_per_h_to_micro(written) == micro


@pytest.mark.parametrize("written", ["", "-1", "free", "nan", "inf", True, "1e30", "$2"])
def test_what_is_no_price(written: str | float) -> None:
    with pytest.raises(ValueError, match="a price is a number of dollars an hour"):
        usd_per_h_to_micro(written)


def test_a_price_has_at_most_six_decimals() -> None:
    with pytest.raises(ValueError, match="at most six decimals"):
        usd_per_h_to_micro("0.0000001")
