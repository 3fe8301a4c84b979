"""What the command that lists offers was told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferOptions:
    """Which offers, in which order."""

    accelerators: tuple[str, ...]
    job: str
    spot: bool
    on_demand: bool
    pools: tuple[str, ...]
    regions: tuple[str, ...]
    residency: tuple[str, ...]
    max_price: str
    by: str
    limit: int
