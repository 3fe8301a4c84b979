"""List what can be had."""

from __future__ import annotations

from tauon.cli.offer_options import OfferOptions
from tauon.cli.output import Output
from tauon.cli.render.offers import offer_list
from tauon.model.resources import CapacityType
from tauon.service.control_plane import ControlPlane
from tauon.service.offer_views import OfferOrder, OfferQuery


async def list_offers(plane: ControlPlane, output: Output, options: OfferOptions) -> int:
    """`tauon offers`."""
    kinds = [CapacityType.SPOT] * options.spot + [CapacityType.ON_DEMAND] * options.on_demand
    found = await plane.offers(
        OfferQuery(
            accelerators=options.accelerators,
            job=options.job,
            capacity_types=tuple(kinds),
            pools=options.pools,
            regions=options.regions,
            residency=options.residency,
            max_price_usd=options.max_price,
            by=OfferOrder(options.by),
            limit=options.limit,
        )
    )
    output.show(found, offer_list)
    if not found:
        output.note(
            "Nothing like that is offered. Pools sell nodes with `nodes_from`; `catalogue` lists public prices."
        )
    return 0
