"""Which offers could serve a request, how many workers each would hold, and what an hour of work costs there."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from tauon.model.accelerator import relative_throughput
from tauon.model.ids import NodeId
from tauon.model.market import PoolOffers
from tauon.model.offer import Offer
from tauon.model.resources import AcceleratorRequest, Request, Resources
from tauon.model.room import Room
from tauon.planner.fit import price_each, serves, workers_that_fit

_EMPTY = NodeId("")


class Option(NamedTuple):
    """An offer as a way to serve a request: `resources` for each of at most `seats` workers on one node.

    `micro_usd_per_work` is what the node costs for one worker-hour at the speed of an H100 (its own speed where that
    is not known), if all its seats are taken.
    """

    micro_usd_per_work: float
    offer: Offer
    resources: Resources
    seats: int


@lru_cache(maxsize=4096)
def options(request: Request, offers: PoolOffers) -> tuple[Option, ...]:
    """All offers of a pool that could serve a request and have a price, cheapest for the work first."""
    return tuple(option for option in ranked(request, [offers]) if option.offer.is_priced)


def ranked(request: Request, markets: Iterable[PoolOffers]) -> Iterator[Option]:
    """The offers of several pools that could serve a request, cheapest for the work first; each is looked at only when
    its turn comes. An offer that serves several alternatives comes once for each."""
    markets = list(markets)
    ways: list[tuple[AcceleratorRequest | None, Resources]] = [
        (wanted, request.resources(number)) for number, wanted in enumerate(request.accelerators)
    ]
    ways = ways or [(None, request.resources())]
    lanes = [
        _lane(request, wanted, resources, offers, type_)
        for wanted, resources in ways
        for offers in markets
        for type_ in _types(wanted, offers)
    ]
    return heapq.merge(*lanes, key=lambda option: option.micro_usd_per_work)


def _types(wanted: AcceleratorRequest | None, offers: PoolOffers) -> Iterable[str]:
    if wanted is None or not wanted.type:
        return offers.types
    return (wanted.type,)


def _lane(
    request: Request, wanted: AcceleratorRequest | None, resources: Resources, offers: PoolOffers, type_: str
) -> Iterator[Option]:
    """One type's offers in one pool, cheapest first. Where seats are lost to too little memory or to an odd number of
    accelerators a node is dearer than its place in the list says, so what comes out is put in order once more."""
    speed = (relative_throughput(type_) or 1.0) if wanted is not None else 1.0
    each = max(1, resources.accelerator_milli) / 1000 if wanted is not None else 0.0
    waiting: list[tuple[float, int, Option]] = []
    for number, offer in enumerate(offers.of_type(type_)):
        shape = offer.shape
        price = offer.micro_usd_per_h if offer.is_priced else math.inf
        least = (
            price / shape.accelerator_count * each / speed if wanted is not None and shape.accelerator_count else 0.0
        )
        while waiting and waiting[0][0] <= least:
            yield heapq.heappop(waiting)[-1]
        if not serves(request, wanted, shape):
            continue
        seats = workers_that_fit(Room(_EMPTY, shape), resources)
        if seats > 0:
            seats = min(seats, 1 << 20)
            cost = price / seats / speed
            heapq.heappush(waiting, (cost, number, Option(cost, offer, resources, seats)))
    while waiting:
        yield heapq.heappop(waiting)[-1]


def price_of(option: Option) -> int:
    """Micro-dollars an hour for one accelerator, or one core where none is asked for."""
    shape = option.offer.shape
    if option.resources.accelerator_milli:
        return option.offer.micro_usd_per_h // max(1, shape.accelerator_count)
    return price_each(shape, None)
