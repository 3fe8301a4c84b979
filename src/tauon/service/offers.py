"""Everything that can be had, sorted by its price or by that of the work it does."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice

import msgspec

from tauon.model.errors import InvalidRequest
from tauon.model.fleet import Exposure
from tauon.model.ids import OfferId
from tauon.model.market import PoolOffers
from tauon.model.money import usd_per_h_to_micro
from tauon.model.quantity import parse_accelerators
from tauon.model.resources import Constraints, Request
from tauon.planner.interruption import rate_per_h
from tauon.planner.offers import Option, ranked
from tauon.service.offer_views import OfferOrder, OfferQuery, OfferView
from tauon.service.views import moment


def request_for(query: OfferQuery) -> Request:
    """What a query asks for. Raises InvalidRequest."""
    try:
        return Request(
            accelerators=parse_accelerators([_kind(text) for text in query.accelerators] or None),
            cpu_milli=0 if query.accelerators else 1000,
            constraints=Constraints(
                pools=query.pools,
                regions=query.regions,
                residency=query.residency,
                capacity_types=query.capacity_types,
            ),
            max_price_micro_usd=usd_per_h_to_micro(query.max_price_usd) if query.max_price_usd else None,
        )
    except ValueError as error:
        raise InvalidRequest(str(error)) from None


def _kind(text: str) -> str | dict[str, object]:
    """A type and a number as it is; a number alone is that many of any type."""
    return {"memory_gib": ">=1", "count": int(text)} if text.isdigit() else text


class OnSale(msgspec.Struct, frozen=True, kw_only=True):
    """What pools sell and catalogues list at a time: what had nothing left and until when, what was seen of each."""

    markets: Sequence[PoolOffers] = ()
    sold_out: Mapping[OfferId, int] = {}
    seen: Mapping[OfferId, Exposure] = {}
    now_us: int = 0


def offer_views(request: Request, query: OfferQuery, on_sale: OnSale) -> list[OfferView]:
    """The best offers for a request, each once."""
    options = ranked(request, on_sale.markets)
    if query.by is OfferOrder.PRICE:
        best = iter(heapq.nsmallest(query.limit, options, key=_price_each))
    else:
        best = islice(options, query.limit)
    views = (_view(option, on_sale) for option in best)
    return list({view.id: view for view in views}.values())


def _price_each(option: Option) -> tuple[bool, float, str]:
    offer = option.offer
    return not offer.is_priced, offer.micro_usd_per_h / max(1, offer.shape.accelerator_count), offer.id


def _view(option: Option, on_sale: OnSale) -> OfferView:
    offer, shape = option.offer, option.offer.shape
    until_us = on_sale.sold_out.get(offer.id, 0)
    each = max(1, shape.accelerator_count)
    return OfferView(
        id=offer.id,
        pool=shape.pool,
        region=shape.region,
        capacity_type=shape.capacity_type,
        accelerator=shape.accelerator,
        accelerators=shape.accelerator_count,
        accelerator_memory_gib=shape.accelerator_memory_gib,
        cpu_cores=shape.cpu_milli / 1000,
        memory_gib=shape.memory_mib / 1024,
        usd_per_h=_usd(offer.micro_usd_per_h) if offer.is_priced else None,
        usd_per_accelerator_h=_usd(offer.micro_usd_per_h / each) if offer.is_priced else None,
        usd_per_work=_usd(option.micro_usd_per_work) if offer.is_priced else None,
        workers=option.seats,
        available=offer.available,
        boot_s=offer.boot_s,
        interruptions_per_h=rate_per_h(offer, on_sale.seen.get(offer.id)) or None,
        priced_at=moment(offer.priced_at_us),
        source=offer.source,
        problem=_problem(option, until_us, on_sale.now_us),
    )


def _usd(micro_usd: float) -> Decimal:
    return Decimal(round(micro_usd)).scaleb(-6)


def _problem(option: Option, until_us: int, now_us: int) -> str:
    offer = option.offer
    if not offer.is_obtainable:
        return "only listed: no pool of this server buys there"
    if not offer.is_priced:
        return "no price is known, so nothing is bought there"
    if until_us > now_us:
        return f"had nothing left; asked again at {moment(until_us):%H:%M:%S} UTC"
    return "sold out" if offer.available == 0 else ""
