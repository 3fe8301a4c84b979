"""Offers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tauon.cli.render.table import Cell, Column, Styled, table
from tauon.cli.render.words import duration, since, usd
from tauon.cli.screen import Screen
from tauon.service.offer_views import OfferView


def offer_list(offers: Sequence[OfferView], screen: Screen) -> str:
    """A line for each offer: what it is, what it costs, how surely it is had."""
    columns = (
        Column("POOL", least=8),
        Column("REGION", drop=4, is_optional=True),
        Column("NODE", least=10),
        Column("CAPACITY"),
        Column("NODE/H", is_right=True, drop=5),
        Column("GPU/H", is_right=True),
        Column("WORK", is_right=True),
        Column("LEFT", is_right=True, drop=3, is_optional=True),
        Column("BOOT", is_right=True, drop=6, is_optional=True),
        Column("TAKEN BACK", drop=7, is_optional=True),
        Column("PRICE FROM", drop=2, least=12),
        Column("PROBLEM", drop=1, least=16, is_optional=True),
    )
    return table(columns, [_offer(offer, screen) for offer in offers], screen) if offers else ""


def _offer(offer: OfferView, screen: Screen) -> list[Cell]:
    kind = f"{offer.accelerator}:{offer.accelerators}" if offer.accelerators else f"{offer.cpu_cores:g} CPU"
    often = offer.interruptions_per_h
    return [
        offer.pool,
        offer.region,
        kind,
        offer.capacity_type.value,
        _price(offer.usd_per_h),
        _price(offer.usd_per_accelerator_h),
        _price(offer.usd_per_work),
        "" if offer.available is None else f"{offer.available:,}",
        duration(offer.boot_s) if offer.boot_s else "",
        f"every {duration(3600 / often)}" if often else "",
        f"{offer.source.value}, {since(offer.priced_at, screen)}",
        Styled(offer.problem, "yellow") if offer.problem else "",
    ]


def _price(amount: Decimal | None) -> str:
    return "?" if amount is None else usd(amount)
