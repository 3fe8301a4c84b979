"""What can be had, as it is asked for and shown."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from tauon.model.offer import PriceSource
from tauon.model.resources import CapacityType


class OfferOrder(enum.StrEnum):
    """What offers are sorted by: the price of one accelerator an hour, or that of the work it does."""

    PRICE = "price"
    WORK = "work"


class OfferQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which offers: what each worker would ask for (`H100:8`; several are alternatives), and where; empty allows all.

    `job` takes all of it from a job that was submitted. `by` is what they are sorted by.
    """

    accelerators: tuple[str, ...] = ()
    job: str = ""
    capacity_types: tuple[CapacityType, ...] = ()
    pools: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    residency: tuple[str, ...] = ()
    max_price_usd: str = ""
    by: OfferOrder = OfferOrder.WORK
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 50


class OfferView(msgspec.Struct, frozen=True, kw_only=True):
    """One offer: a whole node. `usd_per_work` is what a worker-hour at the speed of one H100 costs if the node is full;
    of types whose speed is not known, at their own. Prices are None where none is known.

    `problem` says why it can't be had now: sold out, or only listed in a catalogue.
    """

    id: str
    pool: str
    region: str
    capacity_type: CapacityType
    accelerator: str
    accelerators: int
    accelerator_memory_gib: int
    cpu_cores: float
    memory_gib: float
    usd_per_h: Decimal | None
    usd_per_accelerator_h: Decimal | None
    usd_per_work: Decimal | None
    workers: int
    available: int | None
    boot_s: float
    interruptions_per_h: float | None
    priced_at: datetime
    source: PriceSource
    problem: str
