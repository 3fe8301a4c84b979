"""What a pool offers, journalled where a price moved, and for how long an offer that had nothing is left alone."""

from __future__ import annotations

from tauon.model.errors import OutOfCapacity, ProviderError, QuotaExceeded
from tauon.model.event import OffersPriced
from tauon.model.ids import OfferId
from tauon.model.market import PoolOffers
from tauon.model.offer import OfferPrice
from tauon.ports.providers import OffersObserved
from tauon.reconciler.site import OpenPool, Site

FIRST_BACK_OFF_US = 30_000_000
LONGEST_BACK_OFF_US = 1_800_000_000


def compare_offers(site: Site, pool: OpenPool, seen: OffersObserved) -> None:
    """Take over what a pool offers now, and journal the prices that differ."""
    known = pool.offers.by_id
    new = PoolOffers(seen.offers)
    prices = [
        OfferPrice(offer=offer.id, rates=offer.shape.rates, source=offer.source)
        for offer in new.by_id.values()
        if offer.is_priced and (offer.id not in known or known[offer.id].shape.rates != offer.shape.rates)
    ]
    prices += [OfferPrice(offer=gone, rates=None, source=known[gone].source) for gone in known if gone not in new.by_id]
    pool.seen_offers, pool.offers = seen, new
    if prices:
        site.journal.append([OffersPriced(pool=pool.name, prices=tuple(prices))])


def hold_off(pool: OpenPool, offer: OfferId, error: ProviderError, now_us: int) -> int:
    """Leave an offer alone for a while: as long as was said, and twice as long each time in a row. Returns until when."""
    times = pool.sold_out_times[offer] = pool.sold_out_times.get(offer, 0) + 1
    wait_us = min(LONGEST_BACK_OFF_US, FIRST_BACK_OFF_US << min(times - 1, 16))
    match error:
        case OutOfCapacity(until_us=until_us):
            until_us = max(until_us, now_us + wait_us)
        case QuotaExceeded():
            until_us = now_us + max(wait_us, LONGEST_BACK_OFF_US // 3)
        case _:
            until_us = now_us + LONGEST_BACK_OFF_US
    pool.sold_out[offer] = until_us
    return until_us


def sold_again(pool: OpenPool, offer: OfferId) -> None:
    """An offer was taken: it has something."""
    pool.sold_out.pop(offer, None)
    pool.sold_out_times.pop(offer, None)
