"""A place with capacity under one engine, and what that engine is able to do."""

from __future__ import annotations

import msgspec

from tauon.model.ids import PoolName
from tauon.model.money import Rates, usd_per_h_to_micro
from tauon.model.resources import CapacityType


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do, told by itself, as plain data inside the snapshot."""

    places_by_node: bool = True  # takes "run it on this node", rather than choosing itself
    shares_accelerators: bool = False  # can give a fraction of one
    gives_notice: bool = False  # can signal a job and wait before the kill
    limits_cpu: bool = False
    limits_memory: bool = False
    resizes: bool = False


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as configured: which providers serve it, where it is, and what its parts cost.

    `provider` runs jobs, and has the nodes too unless `nodes_from` names another provider for them, with the settings
    `node_options`. `limits` is the most that may be bought, by accelerator type and `nodes`; `max_usd_per_h` the most
    that all bought nodes together may cost; `keep_idle_s` for how long a bought node may idle; `start_timeout_s` how long an
    attempt may take to start.
    `prices_usd_per_h` has a price per accelerator type and for `cpu` (one core) and `memory_gib` (one GiB), in dollars
    an hour as decimal text. `options` are the provider's own settings.
    """

    name: PoolName
    provider: str
    region: str = ""
    residency: tuple[str, ...] = ()
    capacity_type: CapacityType = CapacityType.OWNED
    prices_usd_per_h: dict[str, str] = {}
    options: dict[str, object] = {}
    nodes_from: str = ""
    node_options: dict[str, object] = {}
    limits: dict[str, int] = {}
    max_usd_per_h: str | None = None
    keep_idle_s: float = 60.0
    start_timeout_s: float = 3600.0

    def rates(self, accelerator: str) -> Rates:
        """The price of each part of a node with this accelerator type; what has no price costs nothing."""
        return Rates(
            accelerator_micro_usd=usd_per_h_to_micro(self.prices_usd_per_h.get(accelerator, "0")) if accelerator else 0,
            cpu_micro_usd=usd_per_h_to_micro(self.prices_usd_per_h.get("cpu", "0")),
            memory_gib_micro_usd=usd_per_h_to_micro(self.prices_usd_per_h.get("memory_gib", "0")),
        )
