"""The offers of one pool, indexed so that a request looks only at what could serve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tauon.model.ids import OfferId
from tauon.model.offer import Offer


class PoolOffers:
    """Offers by accelerator type, the cheapest per accelerator first, those without a price last ("" has those without
    any accelerator). Never changed once made, and compared by identity, so that what was found out about it holds for as long as it is the same object."""

    __slots__ = ("_by_id", "_by_type")

    def __init__(self, offers: Iterable[Offer]) -> None:
        self._by_id: dict[OfferId, Offer] = {offer.id: offer for offer in offers}
        self._by_type: dict[str, list[Offer]] = {}
        for offer in self._by_id.values():
            self._by_type.setdefault(offer.shape.accelerator, []).append(offer)
        for alike in self._by_type.values():
            alike.sort(key=_price_each)

    @property
    def by_id(self) -> Mapping[OfferId, Offer]:
        return self._by_id

    @property
    def types(self) -> Iterable[str]:
        return self._by_type

    def of_type(self, accelerator: str) -> Sequence[Offer]:
        """The offers with one type of accelerator, cheapest per accelerator first."""
        return self._by_type.get(accelerator, ())

    def __len__(self) -> int:
        return len(self._by_id)


def _price_each(offer: Offer) -> tuple[bool, float, OfferId]:
    return not offer.is_priced, offer.micro_usd_per_h / max(1, offer.shape.accelerator_count), offer.id
