"""What can be had: filtered by what is asked for, sorted by price or by that of the work, each with what is wrong with it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tauon.model.errors import InvalidRequest
from tauon.model.fleet import Exposure
from tauon.model.ids import OfferId, PoolName
from tauon.model.market import PoolOffers
from tauon.model.offer import PriceSource
from tauon.model.resources import CapacityType
from tauon.service.offer_views import OfferOrder, OfferQuery, OfferView
from tauon.service.offers import OnSale, offer_views, request_for
from tests.builders import SECOND_US, START_US, an_offer

MARKET = PoolOffers(
    (
        an_offer("h100x8", usd_per_h=24),
        an_offer("spot", usd_per_h=8, capacity_type=CapacityType.SPOT),
        an_offer("h100x1", gpus=1, usd_per_h=4),
        an_offer("a100x8", accelerator="A100", usd_per_h=12),
        an_offer("t4x4", accelerator="T4", gpus=4, usd_per_h=1.6, accelerator_memory_gib=16),
        an_offer("plain", gpus=0, usd_per_h=1.28),
        an_offer("unpriced", usd_per_h=0, is_priced=False),
    )
)
LISTED = PoolOffers(
    [an_offer("h100x8", pool=PoolName("aws"), usd_per_h=20, is_obtainable=False, source=PriceSource.CATALOGUE)]
)


def shown(**query: object) -> list[OfferView]:
    asked = OfferQuery(**query)  # type: ignore[arg-type]
    return offer_views(request_for(asked), asked, OnSale(markets=[MARKET, LISTED], now_us=START_US))


def ids(**query: object) -> list[str]:
    return [view.id for view in shown(**query)]


def test_the_cheapest_for_the_work_is_first_and_what_has_no_price_last() -> None:
    assert ids(accelerators=("H100:8",)) == ["sky/spot", "aws/h100x8", "sky/h100x8", "sky/unpriced"]
    by_work = ids(accelerators=("H100:1", "A100:1"))
    assert by_work.index("sky/a100x8") > by_work.index("sky/h100x1")  # 1.50 an hour, but a third of the speed
    by_price = ids(accelerators=("H100:1", "A100:1"), by=OfferOrder.PRICE)
    assert by_price[:2] == ["sky/spot", "sky/a100x8"]


def test_a_requirement_finds_every_type_that_meets_it() -> None:
    found = ids(accelerators=("4",))
    assert {"sky/h100x8", "sky/a100x8", "sky/t4x4"} <= set(found)
    assert "sky/plain" not in found
    assert ids() == [view.id for view in shown()]
    assert "sky/plain" in ids()


def test_constraints_hold() -> None:
    assert ids(accelerators=("H100:8",), capacity_types=(CapacityType.SPOT,)) == ["sky/spot"]
    assert ids(accelerators=("H100:8",), pools=("aws",)) == ["aws/h100x8"]
    assert ids(accelerators=("H100:8",), max_price_usd="1.5") == ["sky/spot", "sky/unpriced"]
    assert ids(accelerators=("H100:8",), residency=("eu",)) == []
    assert ids(accelerators=("H100:8",), limit=1) == ["sky/spot"]


def test_prices_are_those_of_the_node_of_an_accelerator_and_of_the_work() -> None:
    [a100] = shown(accelerators=("A100:4",))
    assert (a100.usd_per_h, a100.usd_per_accelerator_h, a100.workers) == (Decimal(12), Decimal("1.5"), 2)
    assert a100.usd_per_work is not None
    assert abs(a100.usd_per_work - Decimal(6) * 989 / 312) < Decimal("0.001")


def test_what_is_wrong_with_an_offer_is_said() -> None:
    asked = OfferQuery(accelerators=("H100:8",))
    on_sale = OnSale(
        markets=[MARKET, LISTED],
        sold_out={OfferId("sky/spot"): START_US + 60 * SECOND_US},
        seen={OfferId("sky/spot"): Exposure(node_us=round(10 * 3.6e9), interruptions=18)},
        now_us=START_US,
    )
    views = offer_views(request_for(asked), asked, on_sale)
    problems = {view.id: view.problem for view in views}
    assert problems["sky/spot"] == "had nothing left; asked again at 00:01:00 UTC"
    assert problems["sky/h100x8"] == ""
    assert problems["aws/h100x8"].startswith("only listed")
    assert problems["sky/unpriced"].startswith("no price is known")
    assert {view.id: view.interruptions_per_h for view in views}["sky/spot"] == 1.0


def test_what_can_not_be_read_is_said() -> None:
    with pytest.raises(InvalidRequest, match="number of accelerators"):
        request_for(OfferQuery(accelerators=("H100:x",)))
    with pytest.raises(InvalidRequest, match="dollars an hour"):
        request_for(OfferQuery(max_price_usd="cheap"))
