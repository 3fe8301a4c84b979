"""The settings of a pretended cloud, as a pool's configuration gives them under `node_options`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tauon.model.accelerator import canonical_type, memory_gib_of
from tauon.model.errors import ConfigError
from tauon.model.money import usd_per_h_to_micro
from tauon.model.pool import Pool
from tauon.model.quantity import parse_accelerators
from tauon.model.resources import MILLI, CapacityType

Rate = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Length = Annotated[float, msgspec.Meta(gt=0)]


class OfferOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shape of machine. All times are those of the pretended world, which runs `time_scale` times as fast as ours.

    `usd_per_h` is the price of the whole machine. It moves by up to the share `swing` around that every `step_s`, or by
    `prices`: (seconds since the epoch of the pretended world, price) pairs. `out_of_stock` is the share of the time in
    which nothing is left, in stretches of `gap_s`; `availability` says it literally instead, a character a gap, 1 or 0,
    over and over. `reclaims_per_h` is how often a spot machine is taken back; when availability ends it is too.
    """

    accelerators: str = ""
    cpu: Length = 8.0
    memory_gib: Length = 64.0
    disk_gib: Length = 200.0
    capacity_type: CapacityType = CapacityType.ON_DEMAND
    usd_per_h: float | str
    swing: Share = 0.0
    step_s: Length = 300.0
    prices: list[tuple[Rate, float | str]] = []
    boot_s: Rate = 60.0
    billing_s: Annotated[int, msgspec.Meta(ge=1)] = 1
    stock: Annotated[int, msgspec.Meta(ge=0)] = 8
    out_of_stock: Share = 0.0
    gap_s: Length = 600.0
    availability: str = ""
    reclaims_per_h: Rate = 0.0
    notice_s: Rate = 120.0

    @property
    def accelerator(self) -> str:
        return canonical_type(self.accelerators.partition(":")[0]) if self.accelerators else ""

    @property
    def accelerator_count(self) -> int:
        found = parse_accelerators(self.accelerators or None)
        return found[0].milli // MILLI if found else 0

    @property
    def accelerator_memory_gib(self) -> int:
        return memory_gib_of(self.accelerator) if self.accelerator else 0


class SandboxOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pretended cloud: its seed, how fast its time runs, its quota of machines, and what it offers."""

    offers: list[OfferOptions]
    seed: int = 0
    time_scale: Length = 1.0
    quota: Annotated[int, msgspec.Meta(ge=0)] = 1000


def read_options(pool: Pool) -> SandboxOptions:
    """The pool's node options, checked. Raises ConfigError."""
    try:
        options = msgspec.convert(pool.node_options, SandboxOptions)
        for offer in options.offers:
            _check(offer)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"pool {pool.name}: node_options of the sandbox: {error}") from None
    if not options.offers:
        raise ConfigError(f"pool {pool.name}: node_options of the sandbox: offers must have at least one entry")
    return options


def _check(offer: OfferOptions) -> None:
    found = parse_accelerators(offer.accelerators or None)
    if len(found) > 1 or any(not a.type or a.milli % MILLI for a in found):
        raise ValueError(f"{offer.accelerators!r} is not a type and a whole number such as H100:8")
    usd_per_h_to_micro(offer.usd_per_h)
    for _, price in offer.prices:
        usd_per_h_to_micro(price)
    if [at for at, _ in offer.prices] != sorted(at for at, _ in offer.prices):
        raise ValueError("prices: the moments must be in order")
    if set(offer.availability) - {"0", "1"}:
        raise ValueError(f"availability is a text of 0 and 1, not {offer.availability!r}")
