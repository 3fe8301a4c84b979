"""What the ways to serve a request depend on: which shapes take work, and which pools are out of the question."""

from __future__ import annotations

import msgspec

from tauon.model.ids import PoolName
from tauon.model.node import NodeShape


class Terrain(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """Hashable, so that what was found out about a request on a terrain holds for as long as the terrain does.

    `closed` pools take no new work now; those in `whole_only` can't give a share of an accelerator.
    """

    shapes: tuple[NodeShape, ...] = ()
    closed: frozenset[PoolName] = frozenset()
    whole_only: frozenset[PoolName] = frozenset()
