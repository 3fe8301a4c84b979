"""Exact money: integers of a unit so fine that every share of a price over every microsecond is a whole number."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import msgspec

from tauon.model.resources import Resources

HOUR_US = 3_600_000_000
# One core is 1,000 milli, one GiB 1,024 MiB, one accelerator 1,000 milli: 128,000 is the least common multiple.
SHARES_PER_UNIT = 128_000
ATOMS_PER_MICRO_USD = HOUR_US * SHARES_PER_UNIT
ATOMS_PER_USD = 1_000_000 * ATOMS_PER_MICRO_USD


class Money(msgspec.Struct, frozen=True, order=True, gc=False):
    """An exact amount of US dollars, as a whole number of atoms (4.608e20 to the dollar); never a float.

    Rounding happens only in `micro_usd` and `__str__`, to the nearest micro-dollar or cent, half to even.
    """

    atoms: int = 0

    def __add__(self, other: Money) -> Money:
        return Money(self.atoms + other.atoms)

    def __sub__(self, other: Money) -> Money:
        return Money(self.atoms - other.atoms)

    def __bool__(self) -> bool:
        return self.atoms != 0

    @classmethod
    def of_micro_usd(cls, amount: int) -> Money:
        return cls(amount * ATOMS_PER_MICRO_USD)

    @property
    def micro_usd(self) -> int:
        """Whole micro-dollars, rounded half to even."""
        return int((Decimal(self.atoms) / ATOMS_PER_MICRO_USD).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))

    @property
    def usd(self) -> Decimal:
        """Dollars with six decimals, rounded half to even."""
        return Decimal(self.micro_usd).scaleb(-6)

    def __str__(self) -> str:
        return f"${self.usd:,.6f}" if 0 < abs(self.micro_usd) < 10_000 else f"${self.usd:,.2f}"


ZERO = Money()


def usd_per_h_to_micro(text: str | float | int) -> int:
    """A price as written by a person (`2.49`) in micro-dollars an hour.

    Raises ValueError when it is not a number, is negative, or has more than six decimals.
    """
    try:
        value = Decimal(str(text)).scaleb(6)
    except InvalidOperation:
        value = Decimal("NaN")
    if isinstance(text, bool) or not value.is_finite() or not 0 <= value < 10**15:
        raise ValueError(f"a price is a number of dollars an hour, zero or more, not {text!r}")
    if value != value.to_integral_value():
        raise ValueError(f"prices have at most six decimals, not {text!r}")
    return int(value)


class Rates(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The price of each part of a node, in micro-dollars an hour: one accelerator, one core, one GiB of memory.

    A node's price is the sum over its parts, so that what jobs hold and what is idle always add up to it
    (the asset model of the OpenCost specification 0.1).
    """

    accelerator_micro_usd: int = 0
    cpu_micro_usd: int = 0
    memory_gib_micro_usd: int = 0

    def cost(self, *, accelerator_milli: int, cpu_milli: int, memory_mib: int, duration_us: int) -> Money:
        """The exact cost of holding these amounts for `duration_us` microseconds."""
        shares = (
            accelerator_milli * self.accelerator_micro_usd * (SHARES_PER_UNIT // 1000)
            + cpu_milli * self.cpu_micro_usd * (SHARES_PER_UNIT // 1000)
            + memory_mib * self.memory_gib_micro_usd * (SHARES_PER_UNIT // 1024)
        )
        return Money(shares * duration_us)


def hourly(rates: Rates, amounts: Resources) -> Money:
    """What amounts cost an hour."""
    return rates.cost(
        accelerator_milli=amounts.accelerator_milli,
        cpu_milli=amounts.cpu_milli,
        memory_mib=amounts.memory_mib,
        duration_us=HOUR_US,
    )
