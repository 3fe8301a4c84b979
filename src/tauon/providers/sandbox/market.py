"""A pretended market: prices, stock and interruptions as functions of the seed and the time alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from tauon.model.ids import NodeId, OfferId
from tauon.model.money import Rates, usd_per_h_to_micro
from tauon.model.node import NodeShape
from tauon.model.offer import Offer, PriceSource
from tauon.model.pool import Pool
from tauon.model.resources import CapacityType
from tauon.providers.sandbox.chance import exponential, unit
from tauon.providers.sandbox.options import OfferOptions, SandboxOptions

SECOND_US = 1_000_000
SMOOTH = 4  # a price is the mean of so many draws, so that it wanders rather than jumps


class Goods:
    """One kind of machine on the market. Times in microseconds of the real clock, from `epoch_us` on."""

    def __init__(self, pool: Pool, options: SandboxOptions, offer: OfferOptions, epoch_us: int) -> None:
        kind = offer.accelerators.replace(":", "x").lower() or f"cpux{offer.cpu:g}"
        self.id = OfferId(f"{pool.name}/{kind}/{offer.capacity_type}")
        self.options = offer
        self._pool = pool
        self._seed = options.seed
        self._scale = options.time_scale
        self._epoch_us = epoch_us

    def real_us(self, pretended_s: float) -> int:
        """How long a stretch of pretended time takes, in real microseconds."""
        return round(pretended_s / self._scale * SECOND_US)

    def _pretended_s(self, at_us: int) -> float:
        return max(0, at_us - self._epoch_us) / SECOND_US * self._scale

    def micro_usd_per_h(self, at_us: int) -> int:
        """The price of the whole machine."""
        offer, at_s = self.options, self._pretended_s(at_us)
        base = usd_per_h_to_micro(offer.usd_per_h)
        if offer.prices:
            since = bisect_right([moment for moment, _ in offer.prices], at_s)
            return usd_per_h_to_micro(offer.prices[since - 1][1]) if since else base
        if not offer.swing:
            return base
        step = int(at_s / offer.step_s)
        draws = [unit(self._seed, "price", self.id, step - back) for back in range(SMOOTH)]
        return round(base * (1 + offer.swing * (2 * sum(draws) / SMOOTH - 1)))

    def is_available(self, at_us: int) -> bool:
        """Whether there is anything to be had."""
        offer = self.options
        gap = int(self._pretended_s(at_us) / offer.gap_s)
        if offer.availability:
            return offer.availability[gap % len(offer.availability)] == "1"
        return unit(self._seed, "stock", self.id, gap) >= offer.out_of_stock

    def available_again_us(self, at_us: int) -> int:
        """When something may be there again: the end of this gap."""
        return self._next_us(at_us, self.options.gap_s)

    def reclaimed_us(self, node: NodeId, launched_us: int) -> int | None:
        """When a machine that was launched at a time is taken back; None: never."""
        offer = self.options
        if offer.capacity_type is not CapacityType.SPOT:
            return None
        ends = []
        if offer.reclaims_per_h:
            lasts_s = exponential(3600.0 / offer.reclaims_per_h, self._seed, "reclaim", node)
            ends.append(launched_us + self.real_us(max(lasts_s, offer.boot_s)))
        if "0" in offer.availability:
            at_us = launched_us
            while self.is_available(at_us):
                at_us = self.available_again_us(at_us)
            ends.append(at_us)
        return min(ends, default=None)

    def changes_us(self, at_us: int) -> Iterator[int]:
        """When its price or its stock may change next."""
        offer = self.options
        if offer.prices:
            at_s = self._pretended_s(at_us)
            yield from (self._epoch_us + self.real_us(moment) for moment, _ in offer.prices if moment > at_s)
        elif offer.swing:
            yield self._next_us(at_us, offer.step_s)
        if offer.availability or offer.out_of_stock:
            yield self.available_again_us(at_us)

    def _next_us(self, at_us: int, every_s: float) -> int:
        step = int(self._pretended_s(at_us) / every_s) + 1
        due_us = self._epoch_us + self.real_us(step * every_s)
        return due_us if due_us > at_us else at_us + 1

    def shape(self, at_us: int) -> NodeShape:
        """What a machine is, at the price of a time: all of it is asked for the accelerators, or for the cores."""
        offer, price = self.options, self.micro_usd_per_h(at_us)
        count = offer.accelerator_count
        rates = Rates(accelerator_micro_usd=price // count) if count else Rates(cpu_micro_usd=round(price / offer.cpu))
        return NodeShape(
            pool=self._pool.name,
            accelerator=offer.accelerator,
            accelerator_count=count,
            accelerator_memory_gib=offer.accelerator_memory_gib,
            cpu_milli=round(offer.cpu * 1000),
            memory_mib=round(offer.memory_gib * 1024),
            disk_mib=round(offer.disk_gib * 1024),
            region=self._pool.region,
            residency=self._pool.residency,
            capacity_type=offer.capacity_type,
            rates=rates,
        )

    def offer(self, at_us: int, *, running: int) -> Offer:
        """What can be had at a time, with so many machines running already."""
        options = self.options
        left = max(0, options.stock - running) if self.is_available(at_us) else 0
        return Offer(
            id=self.id,
            shape=self.shape(at_us),
            priced_at_us=at_us,
            source=PriceSource.PROVIDER,
            boot_s=options.boot_s / self._scale,
            billing_s=max(1, round(options.billing_s / self._scale)),
            available=left,
            interruptions_per_h=options.reclaims_per_h * self._scale or None,
            is_virtual=True,
        )
