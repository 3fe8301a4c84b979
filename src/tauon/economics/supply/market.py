"""What can be bought, what is wanted and what was bought: the nouns of a supply plan. Prices in dollars, amounts in GPUs."""

from __future__ import annotations

import msgspec

NODE_GPUS = 8
SPOT_SHARE = 0.4


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """A reservation that can be had: its length in hours, the price of a GPU-hour, and how many nodes at least and most."""

    name: str
    hours: float
    usd_per_h: float
    nodes_min: int = 0
    nodes_max: int | None = None


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """Spot capacity: its price, the share of time in which it can be had, how much there is, and the work lost with it.

    `overhead` is what interruptions add to the hours paid, as a share of them.
    """

    usd_per_h: float
    availability: float = 0.9
    gpus_max: float | None = None
    overhead: float = 0.05


class SupplyOffer(msgspec.Struct, frozen=True, kw_only=True):
    """What one pool has of one type of accelerator; None for `on_demand_usd_per_h` where there is none to be had."""

    pool: str
    accelerator: str
    on_demand_usd_per_h: float | None = None
    on_demand_max: float | None = None
    spot: Spot | None = None
    terms: tuple[Term, ...] = ()
    node_gpus: int = NODE_GPUS
    residency: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A commitment that exists: it is paid whether it is used or not."""

    pool: str
    accelerator: str
    gpus: float
    usd_per_h: float


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """GPUs wanted in each hour of the past, by those who need one type and perhaps one residency.

    `growth` is the standard deviation of the logarithm of how much the demand to come may differ in level (0.3: mostly
    within a factor of 1.35 either way); None: as it was in the past.
    """

    name: str
    accelerator: str
    hourly: tuple[float, ...]
    residency: str = ""
    growth: float | None = None


class SupplyQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """All that a plan is made from. `correlation` is that between the availability of two spot pools.

    `spot_share` is the most of any hour's demand that may run on spot; `budget_usd` is for the whole horizon.
    """

    demands: tuple[Demand, ...]
    offers: tuple[SupplyOffer, ...]
    held: tuple[Held, ...] = ()
    horizon_h: float = 8760.0
    budget_usd: float | None = None
    spot_share: float = SPOT_SHARE
    correlation: float = 0.22
    blocks: int = 100


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes to reserve for one demand, with what they cost over the horizon, and beyond it where the term is longer."""

    demand: str
    pool: str
    accelerator: str
    term: str
    nodes: int
    gpus: float
    usd_per_h: float
    usd: float
    beyond_usd: float = 0.0


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to one market in one pool: expected GPU-hours over the horizon, and what they cost."""

    demand: str
    pool: str
    accelerator: str
    market: str  # on-demand or spot
    gpu_hours: float
    usd: float


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What this portfolio would cost if something were otherwise, against the best for that case."""

    case: str
    usd: float
    best_usd: float

    @property
    def regret(self) -> float:
        return self.usd / self.best_usd if self.best_usd else 1.0


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A demand's duration curve: GPUs that are exceeded in a share of the hours to come, and what is committed to."""

    demand: str
    share: tuple[float, ...]
    gpus: tuple[float, ...]
    held: float
    reserved: float


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """The same rule tried on the past: decided from the first half, paid in the second; dollars of that time."""

    hours: int
    usd: float
    all_on_demand_usd: float
    clairvoyant_usd: float

    @property
    def regret(self) -> float:
        return self.usd / self.clairvoyant_usd if self.clairvoyant_usd else 1.0


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """The plan: what to reserve, what is left to the other markets, and what all that comes to."""

    horizon_h: float
    purchases: tuple[Purchase, ...]
    flows: tuple[Flow, ...]
    held_usd: float
    expected_usd: float
    p90_usd: float
    all_on_demand_usd: float
    today_usd: float
    unused_share: float
    growth: dict[str, float]
    sensitivities: tuple[Sensitivity, ...] = ()
    backtest: Backtest | None = None
    optimum_gap: float = 0.0
    curves: tuple[Curve, ...] = ()
