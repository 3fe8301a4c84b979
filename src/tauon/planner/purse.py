"""What may still be bought in each pool: under its limits on nodes, on each accelerator type and on money an hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tauon.model.ids import OfferId, PoolName
from tauon.model.money import hourly, usd_per_h_to_micro
from tauon.model.node import NodeShape
from tauon.model.offer import Offer
from tauon.model.pool import Pool

NODES = "nodes"
UNLIMITED = 1 << 40


class Purse:
    """Counts what was bought already and, as the plan goes on, what it buys."""

    def __init__(self, pools: Mapping[PoolName, Pool], bought: Iterable[NodeShape] = ()) -> None:
        self._pools = pools
        self._held: dict[tuple[PoolName, str], int] = {}
        self._spent: dict[PoolName, int] = {}
        self._sold: dict[OfferId, int] = {}
        for shape in bought:
            self._add(shape, hourly(shape.rates, shape.capacity).micro_usd, 1)

    def fork(self) -> Purse:
        """A copy to try purchases on."""
        twin = Purse(self._pools)
        twin._held, twin._spent, twin._sold = self._held.copy(), self._spent.copy(), self._sold.copy()
        return twin

    def affords(self, offer: Offer) -> int:
        """How many more nodes of this offer may be bought, and are there to be had."""
        pool = self._pools.get(offer.shape.pool)
        if pool is None:
            return 0
        most = UNLIMITED if offer.available is None else max(0, offer.available - self._sold.get(offer.id, 0))
        nodes = pool.limits.get(NODES)
        if nodes is not None:
            most = min(most, nodes - self._held.get((pool.name, NODES), 0))
        accelerators = pool.limits.get(offer.shape.accelerator) if offer.shape.accelerator else None
        if accelerators is not None:
            left = accelerators - self._held.get((pool.name, offer.shape.accelerator), 0)
            most = min(most, left // offer.shape.accelerator_count)
        price = offer.micro_usd_per_h
        if pool.max_usd_per_h is not None and price:
            left = usd_per_h_to_micro(pool.max_usd_per_h) - self._spent.get(pool.name, 0)
            most = min(most, left // price)
        return max(0, most)

    def why_not(self, offer: Offer) -> str:
        """What of these stands in the way of one more, for a person; empty when nothing does."""
        if self.affords(offer):
            return ""
        pool = self._pools.get(offer.shape.pool)
        if pool is None:
            return "its pool is not configured"
        if offer.available is not None and offer.available <= self._sold.get(offer.id, 0):
            return "none is left"
        held = self._held.get((pool.name, NODES), 0)
        if held >= pool.limits.get(NODES, UNLIMITED):
            return f"the pool is at its limit of {pool.limits[NODES]} nodes"
        type_ = offer.shape.accelerator
        if self._held.get((pool.name, type_), 0) + offer.shape.accelerator_count > pool.limits.get(type_, UNLIMITED):
            return f"the pool may have {pool.limits[type_]} {type_} and has {self._held.get((pool.name, type_), 0)}"
        return f"the pool may spend {pool.max_usd_per_h} dollars an hour"

    def buy(self, offer: Offer, count: int) -> None:
        """So many nodes of an offer are bought."""
        self._sold[offer.id] = self._sold.get(offer.id, 0) + count
        self._add(offer.shape, offer.micro_usd_per_h, count)

    def _add(self, shape: NodeShape, micro_usd_per_h: int, count: int) -> None:
        for what, amount in ((NODES, 1), (shape.accelerator, shape.accelerator_count)):
            if what:
                self._held[shape.pool, what] = self._held.get((shape.pool, what), 0) + amount * count
        self._spent[shape.pool] = self._spent.get(shape.pool, 0) + micro_usd_per_h * count
