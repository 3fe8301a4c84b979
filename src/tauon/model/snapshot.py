"""Everything that a decision may look at, the time included: a frozen view of one moment."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tauon.model.cluster import Cluster
from tauon.model.ids import OfferId, PoolName
from tauon.model.market import PoolOffers
from tauon.model.outlook import Outlook, Unforeseen
from tauon.model.packing import PackingRule
from tauon.model.plan import Plan
from tauon.model.pool import Capabilities
from tauon.model.terrain import Terrain

UNFORESEEN = Unforeseen()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state at a time, and what the providers can do.

    The cluster is not copied: the view holds until the next await of the loop that made it, and `decide` only reads.
    `closed_pools` take no new work now (their provider does not answer), with the reason. `previous` is the last plan
    whose intents are in the journal: what could not be placed then needs no second look until something is freed.
    `outlook` tells how long jobs will still run, as far as somebody knows.
    `packing` is by what nodes are compared.
    `offers` are what each pool can obtain now, and `sold_out` are those that had nothing left, with the time until which
    nobody asks for them.
    """

    at_us: int
    cluster: Cluster
    capabilities: dict[PoolName, Capabilities] = {}
    closed_pools: dict[PoolName, str] = {}
    previous: Plan | None = None
    outlook: Outlook = UNFORESEEN
    packing: PackingRule = PackingRule.LEAST_STRANDED
    offers: Mapping[PoolName, PoolOffers] = {}
    sold_out: Mapping[OfferId, int] = {}

    @property
    def terrain(self) -> Terrain:
        """What the ways to serve a request depend on. As long as it stays, it is the same object from plan to plan."""
        terrain = Terrain(
            shapes=tuple(self.cluster.capacity.shapes),
            closed=frozenset(self.closed_pools),
            whole_only=frozenset(pool for pool, can in self.capabilities.items() if not can.shares_accelerators),
        )
        if self.previous is not None and self.previous.terrain == terrain:
            return self.previous.terrain
        return terrain
