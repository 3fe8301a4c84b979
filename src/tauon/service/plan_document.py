"""The plan document that people write: what can be bought, what is held, what is wanted; read into a supply question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from tauon.economics.supply.market import (
    NODE_GPUS,
    SPOT_SHARE,
    Demand,
    Held,
    Spot,
    SupplyOffer,
    SupplyQuestion,
    Term,
)
from tauon.model.accelerator import canonical_type
from tauon.model.errors import InvalidSpec
from tauon.model.quantity import parse_duration_s
from tauon.service.queue_settings import STRICT, Price
from tauon.service.yaml_tree import read_trees


def _hours(value: object) -> object:
    seconds = parse_duration_s(value)
    if seconds < 3600:
        raise ValueError("at least an hour, such as 30d or 365d")
    return seconds / 3600


Hours = Annotated[float, BeforeValidator(_hours)]
Share = Annotated[float, Field(ge=0, le=1)]


class TermSettings(BaseModel):
    """A reservation that can be had."""

    model_config = STRICT

    name: str
    """What it is called, such as 1y."""
    length: Hours
    """How long it binds: 30d, 365d."""
    price: Price
    """Dollars for a GPU-hour."""
    nodes_min: Annotated[int, Field(ge=0)] = 0
    """The smallest order, in nodes."""
    nodes_max: Annotated[int, Field(ge=0)] | None = None
    """The largest order, in nodes."""


class SpotSettings(BaseModel):
    """Spot capacity of an offer."""

    model_config = STRICT

    price: Price
    """Dollars for a GPU-hour."""
    availability: Share = 0.9
    """The share of time in which it can be had."""
    gpus_max: Annotated[float, Field(ge=0)] | None = None
    """How many GPUs there are."""
    overhead: Annotated[float, Field(ge=0, le=10)] = 0.05
    """What interruptions add to the hours paid, as a share of them."""


class OfferSettings(BaseModel):
    """What one pool has of one type of accelerator."""

    model_config = STRICT

    pool: str
    """The pool."""
    accelerator: str
    """The type."""
    on_demand: Price | None = None
    """Dollars for a GPU-hour on demand."""
    on_demand_max: Annotated[float, Field(ge=0)] | None = None
    """How many GPUs can be had on demand."""
    spot: SpotSettings | None = None
    """Its spot capacity."""
    reserved: list[TermSettings] = []
    """Its reservations."""
    node_gpus: Annotated[int, Field(ge=1, le=1024)] = NODE_GPUS
    """GPUs of a node: reservations come in whole nodes."""
    residency: list[str] = []
    """Residency labels, such as eu."""


class HeldSettings(BaseModel):
    """A commitment that exists."""

    model_config = STRICT

    pool: str
    """The pool."""
    accelerator: str
    """The type."""
    gpus: Annotated[float, Field(gt=0)]
    """How many."""
    price: Price = "0"
    """Dollars for a GPU-hour, used or not."""


class WantedSettings(BaseModel):
    """A demand that is said rather than measured, or what is known of a measured one."""

    model_config = STRICT

    accelerator: str
    """The type."""
    residency: str = ""
    """Where it must run, as a residency label."""
    growth: Annotated[float, Field(ge=0, le=3)] | None = None
    """How uncertain its level is, as a standard deviation of the logarithm; left out, estimated from the past."""
    scale: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """A factor on the past: 2 where twice as much is expected."""


class PlanDocument(BaseModel):
    """The whole document."""

    model_config = STRICT

    horizon: Hours = 8760.0
    """The time to plan for."""
    budget: Annotated[float, Field(gt=0)] | None = None
    """Dollars for the horizon, existing commitments included."""
    spot_share: Share = SPOT_SHARE
    """The most of any hour's demand that may run on spot."""
    spot_correlation: Share = 0.22
    """How much the spot pools come and go together, from 0 to 1."""
    offers: Annotated[list[OfferSettings], Field(min_length=1)]
    """What can be bought."""
    held: list[HeldSettings] = []
    """Commitments that exist."""
    demand: list[WantedSettings] = []
    """What is known of the demand for single types; others are taken as they were."""


def read_plan(path: Path) -> PlanDocument:
    """A plan document in YAML or JSON. Raises InvalidSpec naming the place and what was expected."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"can't read {path}: {error}") from error
    trees = list(read_trees(text, str(path)))
    if len(trees) != 1:
        raise InvalidSpec(f"{path}: a plan is one document, not {len(trees)}")
    tree = trees[0]
    if tree.problems:
        raise InvalidSpec("\n".join(str(problem) for problem in tree.problems))
    try:
        return PlanDocument.model_validate(tree.data)
    except ValidationError as error:
        raise InvalidSpec("\n".join(_told(fault, tree.values, path) for fault in error.errors())) from error


def _told(fault: Any, values: Mapping[tuple[str | int, ...], object], path: Path) -> str:
    location: tuple[str | int, ...] = fault["loc"]
    upward = (location[:length] for length in range(len(location), -1, -1))
    place = next((values[p] for p in upward if p in values), path)
    return f"{place}: {'.'.join(map(str, location))}: {fault['msg'].removeprefix('Value error, ')}"


def question_of(document: PlanDocument, measured: Mapping[str, Sequence[float]]) -> SupplyQuestion:
    """The question that a document asks about measured demand: GPUs in each hour, by type."""
    return SupplyQuestion(
        demands=tuple(_demands(document, {canonical_type(name): hours for name, hours in measured.items()})),
        offers=tuple(_offer(one) for one in document.offers),
        held=tuple(
            Held(pool=h.pool, accelerator=canonical_type(h.accelerator), gpus=h.gpus, usd_per_h=float(h.price))
            for h in document.held
        ),
        horizon_h=document.horizon,
        budget_usd=document.budget,
        spot_share=document.spot_share,
        correlation=document.spot_correlation,
    )


def _demands(document: PlanDocument, measured: Mapping[str, Sequence[float]]) -> list[Demand]:
    told = {canonical_type(one.accelerator): one for one in document.demand}
    for name in told:
        if name not in measured:
            raise InvalidSpec(f"demand: nobody used {name} in this time; types that were used: {', '.join(measured)}")
    found = []
    for name, hours in measured.items():
        one = told.get(name) or WantedSettings(accelerator=name)
        hourly = tuple(value * one.scale for value in hours)
        found.append(Demand(name=name, accelerator=name, hourly=hourly, residency=one.residency, growth=one.growth))
    return found


def _offer(one: OfferSettings) -> SupplyOffer:
    return SupplyOffer(
        pool=one.pool,
        accelerator=canonical_type(one.accelerator),
        on_demand_usd_per_h=None if one.on_demand is None else float(one.on_demand),
        on_demand_max=one.on_demand_max,
        spot=None
        if one.spot is None
        else Spot(
            usd_per_h=float(one.spot.price),
            availability=one.spot.availability,
            gpus_max=one.spot.gpus_max,
            overhead=one.spot.overhead,
        ),
        terms=tuple(
            Term(name=t.name, hours=t.length, usd_per_h=float(t.price), nodes_min=t.nodes_min, nodes_max=t.nodes_max)
            for t in one.reserved
        ),
        node_gpus=one.node_gpus,
        residency=tuple(one.residency),
    )
