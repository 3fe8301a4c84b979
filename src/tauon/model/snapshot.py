"""Everything that a decision may look at, the time included: a frozen view of one moment."""

from __future__ import annotations

import msgspec

from tauon.model.cluster import Cluster
from tauon.model.ids import PoolName
from tauon.model.pool import Capabilities


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state at a time, and what the providers can do.

    The cluster is not copied: the view holds until the next await of the loop that made it, and `decide` only reads.
    `closed_pools` take no new work now (their provider does not answer), with the reason.
    """

    at_us: int
    cluster: Cluster
    capabilities: dict[PoolName, Capabilities] = {}
    closed_pools: dict[PoolName, str] = {}
