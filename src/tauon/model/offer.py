"""A node shape that a pool can obtain: its price and where that is from, how long it takes, how often it is taken back."""

from __future__ import annotations

import enum

import msgspec

from tauon.model.ids import OfferId
from tauon.model.money import Rates
from tauon.model.node import NodeShape


class PriceSource(enum.StrEnum):
    """Where a price is from, the surest first."""

    PROVIDER = "provider"  # its own API, for this account
    CONFIGURATION = "configuration"  # what the pool's settings say
    CATALOGUE = "catalogue"  # a public list of prices


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What can be had: `shape` holds pool, region, residency, capacity type and the rates.

    `boot_s` is the usual time from the order until work can start. `billing_s` is the granularity of the bill: a node
    is paid for in whole multiples of it. `available` is how many there are now, None where that is not told.
    `interruptions_per_h` is how often one is taken back, as observed or published; None: not known. `is_priced` is
    False where no price is known: such an offer is shown, and never bought unless a job says that any price will do.
    """

    id: OfferId
    shape: NodeShape
    priced_at_us: int
    source: PriceSource
    is_priced: bool = True
    boot_s: float = 0.0
    billing_s: int = 1
    available: int | None = None
    interruptions_per_h: float | None = None
    is_obtainable: bool = True  # False for what is only listed, and can't be ordered here
    is_virtual: bool = False

    @property
    def micro_usd_per_h(self) -> int:
        """The price of the whole node an hour, in micro-dollars."""
        shape, rates = self.shape, self.shape.rates
        parts = shape.cpu_milli * rates.cpu_micro_usd * 128 + shape.memory_mib * rates.memory_gib_micro_usd * 125
        return shape.accelerator_count * rates.accelerator_micro_usd + (parts + 64_000) // 128_000


class OfferPrice(msgspec.Struct, frozen=True, kw_only=True):
    """One point of the time series of an offer's price; `rates` None: it can't be had any more."""

    offer: OfferId
    rates: Rates | None
    source: PriceSource
