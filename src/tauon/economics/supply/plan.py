"""The plan of what to reserve: chosen by the program, then costed against the alternatives, other futures and the past."""

from __future__ import annotations

import math

import numpy as np
from msgspec.structs import replace

from tauon.economics.supply.demand import Hours, duration_curve, growth_of, levels, predicted
from tauon.economics.supply.market import (
    Backtest,
    Curve,
    Demand,
    Flow,
    Portfolio,
    Purchase,
    Sensitivity,
    SupplyOffer,
    SupplyQuestion,
)
from tauon.economics.supply.program import Bought, Whole, eligible, held_by_demand, solved, spot_cost
from tauon.model.errors import Infeasible, InvalidRequest

UNSERVED_SHARE = 1e-6
LEAST_HOURS = 48
Z90 = 1.2816


def plan(question: SupplyQuestion) -> Portfolio:
    """The cheapest portfolio for a question.

    Raises InvalidRequest for a question without demand, Infeasible where no portfolio serves it, with the constraint
    that binds.
    """
    _check(question)
    curves = [predicted(demand) for demand in question.demands]
    bought = _solved(question, curves, Whole.NODES)
    reserved = _reserved(question, bought)
    expected = _cost(question, curves, reserved)
    return Portfolio(
        horizon_h=question.horizon_h,
        purchases=_purchases(question, bought),
        flows=_flows(question, bought),
        held_usd=_held_usd(question),
        expected_usd=expected,
        p90_usd=_p90(question, reserved, bought),
        all_on_demand_usd=_all_on_demand(question, curves),
        today_usd=_cost(question, curves, _Reserved.nothing(question)),
        unused_share=_unused(question, curves, reserved),
        growth={demand.name: growth_of(demand) for demand in question.demands},
        sensitivities=_sensitivities(question, curves, reserved),
        backtest=backtest(question),
        optimum_gap=bought.gap,
        curves=_curves(question, curves, reserved),
    )


class _Reserved:
    """GPUs that are paid for anyhow, by demand, and what the new ones cost an hour."""

    def __init__(self, gpus: list[float], usd_per_h: float) -> None:
        self.gpus = gpus
        self.usd_per_h = usd_per_h

    @classmethod
    def nothing(cls, question: SupplyQuestion) -> _Reserved:
        return cls([0.0] * len(question.demands), 0.0)


def _check(question: SupplyQuestion) -> None:
    if not question.demands:
        raise InvalidRequest("there is no demand to plan for: no accelerator was used in this time")
    for demand in question.demands:
        if len(demand.hourly) < LEAST_HOURS:
            raise InvalidRequest(
                f"{demand.name}: a plan needs at least {LEAST_HOURS} hours of demand, there are {len(demand.hourly)}"
            )
        if not eligible(demand, question.offers):
            where = f" with residency {demand.residency}" if demand.residency else ""
            raise Infeasible(
                f"{demand.name} can't be served: no offer has {demand.accelerator}{where}; add one, or let the demand "
                "go elsewhere"
            )


def _solved(question: SupplyQuestion, curves: list[Hours], whole: Whole) -> Bought:
    bought = solved(question, curves, whole)
    wanted = sum(float(np.mean(curve)) for curve in curves) * question.horizon_h
    if sum(bought.unserved.values()) > UNSERVED_SHARE * max(1.0, wanted):
        raise _infeasible(question, curves, bought)
    return bought


def _infeasible(question: SupplyQuestion, curves: list[Hours], bought: Bought) -> Infeasible:
    """Which constraint binds: the budget, if without it all would be served; else what there is to be had."""
    if question.budget_usd is not None:
        free = solved(replace(question, budget_usd=None), curves, Whole.ANY)
        if not any(hours > 1e-3 for hours in free.unserved.values()):
            least = free.usd + _held_usd(question)
            return Infeasible(
                f"the budget of ${question.budget_usd:,.0f} binds: the cheapest portfolio that serves everything costs "
                f"about ${least:,.0f}"
            )
        bought = free
    number, hours = max(bought.unserved.items(), key=lambda item: item[1])
    demand = question.demands[number]
    limits = [text for offer in eligible(demand, question.offers) for text in _limits(offer)]
    return Infeasible(
        f"{demand.name} can't be served: {hours:,.0f} GPU-hours of {demand.accelerator} are left over, with a peak of "
        f"{float(np.max(curves[number])):,.0f} GPUs. What binds: {'; '.join(limits) or 'nothing is offered on demand'}"
    )


def _limits(offer: SupplyOffer) -> list[str]:
    found = []
    if offer.on_demand_usd_per_h is None:
        found.append(f"{offer.pool} has none on demand")
    elif offer.on_demand_max is not None:
        found.append(f"{offer.pool} has at most {offer.on_demand_max:g} on demand")
    found += [
        f"{offer.pool} reserves at most {term.nodes_max} nodes for {term.name}"
        for term in offer.terms
        if term.nodes_max is not None
    ]
    if offer.spot is not None and offer.spot.gpus_max is not None:
        found.append(f"{offer.pool} has at most {offer.spot.gpus_max:g} on spot")
    return found


# ---------------------------------------------------------------------------- what it costs


def _reserved(question: SupplyQuestion, bought: Bought) -> _Reserved:
    gpus = [0.0] * len(question.demands)
    usd_per_h = 0.0
    for key, amount in bought.reserved.items():
        gpus[key.demand] += amount
        usd_per_h += amount * key.term.usd_per_h
    return _Reserved(gpus, usd_per_h)


def _held_usd(question: SupplyQuestion) -> float:
    return sum(held.gpus * held.usd_per_h for held in question.held) * question.horizon_h


def _cost(question: SupplyQuestion, amounts: list[Hours], reserved: _Reserved, *, dearer: float = 1.0) -> float:
    """The cost of a portfolio over the horizon where each hour is as likely as the next: what is reserved first, then
    spot where it is cheaper, up to its share, then on demand from the cheapest. `dearer` is a factor on those two."""
    total = (_held_usd(question) / question.horizon_h) + reserved.usd_per_h
    held = held_by_demand(question)
    for demand, hours, own, old in zip(question.demands, amounts, reserved.gpus, held, strict=True):
        left = np.maximum(hours - own - old, 0.0)
        total += dearer * _bought_usd_per_h(question, demand, hours, left)
    return total * question.horizon_h


def _bought_usd_per_h(question: SupplyQuestion, demand: Demand, hours: Hours, left: Hours) -> float:
    """What is left is bought in the order of its price."""
    offers = eligible(demand, question.offers)
    plain = [(o.on_demand_usd_per_h, o.on_demand_max) for o in offers if o.on_demand_usd_per_h is not None]
    fallback = min((price for price, _ in plain), default=None)
    steps: list[tuple[float, float | None, bool]] = [(price, most, False) for price, most in plain]
    if fallback is not None:
        steps += [(spot_cost(o, fallback), o.spot.gpus_max, True) for o in offers if o.spot is not None]
    room_on_spot = question.spot_share * hours
    total = 0.0
    for price, most, is_spot in sorted(steps, key=lambda step: step[0]):
        taken = left if most is None else np.minimum(left, most)
        if is_spot:
            taken = np.minimum(taken, room_on_spot)
            room_on_spot = room_on_spot - taken
        total += price * float(np.mean(taken))
        left = left - taken
    return total


def _all_on_demand(question: SupplyQuestion, curves: list[Hours]) -> float:
    """Everything at the price of the cheapest on-demand offer; where there is none, of the dearest there is."""
    total = 0.0
    for demand, hours in zip(question.demands, curves, strict=True):
        offers = eligible(demand, question.offers)
        prices = [o.on_demand_usd_per_h for o in offers if o.on_demand_usd_per_h is not None]
        price = min(prices) if prices else max((t.usd_per_h for o in offers for t in o.terms), default=0.0)
        total += price * float(np.mean(hours))
    return total * question.horizon_h


def _p90(question: SupplyQuestion, reserved: _Reserved, bought: Bought) -> float:
    """The cost that one future in ten exceeds: of the levels of demand, with the luck of spot on top.

    The pools' spot comes and goes together to the degree of `correlation`; hours are taken to be as lucky as the year.
    """
    by_level: list[float] = []
    factors = [levels(growth_of(demand)) for demand in question.demands]
    for number in range(len(factors[0])):
        amounts = [np.asarray(d.hourly) * f[number] for d, f in zip(question.demands, factors, strict=True)]
        by_level.append(_cost(question, amounts, reserved))
    return float(np.quantile(by_level, 0.9)) + Z90 * _spot_deviation_usd(question, bought)


def _spot_deviation_usd(question: SupplyQuestion, bought: Bought) -> float:
    """One standard deviation of what it costs that spot can be had for more or less of the time than expected.

    Of a yes-or-no availability a the deviation is sqrt(a (1 - a)) in one moment; runs of about half a day make
    horizon / 12 h of such moments independent.
    """
    parts = []
    for (number, pool), gpus in bought.spot.items():
        demand = question.demands[number]
        offers = eligible(demand, question.offers)
        offer = next(o for o in offers if o.pool == pool)
        plain = min((o.on_demand_usd_per_h for o in offers if o.on_demand_usd_per_h is not None), default=0.0)
        if offer.spot is not None and gpus > 0:
            share = offer.spot.availability
            parts.append(gpus * (plain - offer.spot.usd_per_h) * math.sqrt(share * (1 - share)))
    alone = sum(part * part for part in parts)
    together = sum(a * b for i, a in enumerate(parts) for b in parts[:i]) * 2 * question.correlation
    moments = max(1.0, question.horizon_h / 12)
    return question.horizon_h * math.sqrt(max(0.0, alone + together) / moments)


def _unused(question: SupplyQuestion, curves: list[Hours], reserved: _Reserved) -> float:
    """The share of what is reserved, old and new, that nobody is expected to use."""
    there = used = 0.0
    for hours, own, old in zip(curves, reserved.gpus, held_by_demand(question), strict=True):
        capacity = own + old
        there += capacity
        used += float(np.mean(np.minimum(hours, capacity)))
    return 1 - used / there if there else 0.0


# ---------------------------------------------------------------------------- as it is told


def _purchases(question: SupplyQuestion, bought: Bought) -> tuple[Purchase, ...]:
    found = []
    for key, gpus in bought.reserved.items():
        hours = max(key.term.hours - question.horizon_h, 0.0)
        found.append(
            Purchase(
                demand=question.demands[key.demand].name,
                pool=key.offer.pool,
                accelerator=key.offer.accelerator,
                term=key.term.name,
                nodes=round(gpus / key.offer.node_gpus),
                gpus=gpus,
                usd_per_h=key.term.usd_per_h,
                usd=gpus * key.term.usd_per_h * question.horizon_h,
                beyond_usd=gpus * key.term.usd_per_h * hours,
            )
        )
    return tuple(sorted(found, key=lambda p: -p.usd))


def _flows(question: SupplyQuestion, bought: Bought) -> tuple[Flow, ...]:
    found = []
    for market, flows in (("on-demand", bought.on_demand), ("spot", bought.spot)):
        for (number, pool), gpus in flows.items():
            if gpus < 1e-6:
                continue
            demand = question.demands[number]
            offers = eligible(demand, question.offers)
            offer = next(o for o in offers if o.pool == pool)
            fallback = min((o.on_demand_usd_per_h for o in offers if o.on_demand_usd_per_h is not None), default=0.0)
            price = spot_cost(offer, fallback) if market == "spot" else offer.on_demand_usd_per_h or 0.0
            gpu_hours = gpus * question.horizon_h
            found.append(
                Flow(
                    demand=demand.name,
                    pool=pool,
                    accelerator=demand.accelerator,
                    market=market,
                    gpu_hours=gpu_hours,
                    usd=gpu_hours * price,
                )
            )
    return tuple(sorted(found, key=lambda f: -f.usd))


def _curves(question: SupplyQuestion, curves: list[Hours], reserved: _Reserved) -> tuple[Curve, ...]:
    found = []
    for number, (demand, old) in enumerate(zip(question.demands, held_by_demand(question), strict=True)):
        heights, shares = duration_curve(curves[number], question.blocks)
        found.append(
            Curve(
                demand=demand.name,
                share=tuple(float(share) for share in np.cumsum(shares)),
                gpus=tuple(float(height) for height in heights),
                held=old,
                reserved=reserved.gpus[number],
            )
        )
    return tuple(found)


def _sensitivities(question: SupplyQuestion, curves: list[Hours], reserved: _Reserved) -> tuple[Sensitivity, ...]:
    """This portfolio in other worlds, against the best for each (in any amount, so that it is a lower bound)."""
    found = []
    for case, factor in (("demand 20 % lower", 0.8), ("demand 20 % higher", 1.2)):
        amounts = [curve * factor for curve in curves]
        best = solved(replace(question, budget_usd=None), amounts, Whole.ANY).usd + _held_usd(question)
        found.append(Sensitivity(case=case, usd=_cost(question, amounts, reserved), best_usd=best))
    for case, factor in (("on-demand and spot 20 % cheaper", 0.8), ("on-demand and spot 20 % dearer", 1.2)):
        offers = tuple(_repriced(offer, factor) for offer in question.offers)
        changed = replace(question, offers=offers, budget_usd=None)
        best = solved(changed, curves, Whole.ANY).usd + _held_usd(question)
        found.append(Sensitivity(case=case, usd=_cost(question, curves, reserved, dearer=factor), best_usd=best))
    return tuple(found)


def _repriced(offer: SupplyOffer, factor: float) -> SupplyOffer:
    plain = None if offer.on_demand_usd_per_h is None else offer.on_demand_usd_per_h * factor
    spot = None if offer.spot is None else replace(offer.spot, usd_per_h=offer.spot.usd_per_h * factor)
    return replace(offer, on_demand_usd_per_h=plain, spot=spot)


def backtest(question: SupplyQuestion) -> Backtest | None:
    """Had it been decided halfway: reserve from the first half of the past, pay in the second; None if that is too short.

    The clairvoyant reserves in any amount, and knows the second half.
    """
    shortest = min(len(demand.hourly) for demand in question.demands)
    if shortest < 2 * LEAST_HOURS:
        return None
    half = shortest // 2
    before = [replace(d, hourly=d.hourly[len(d.hourly) - 2 * half : len(d.hourly) - half]) for d in question.demands]
    after = [np.asarray(d.hourly[len(d.hourly) - half :]) for d in question.demands]
    then = replace(question, demands=tuple(before), budget_usd=None, horizon_h=float(half), held=())
    bought = _solved(then, [predicted(demand) for demand in before], Whole.NODES)
    known = replace(then, demands=tuple(replace(d, hourly=tuple(a)) for d, a in zip(before, after, strict=True)))
    return Backtest(
        hours=half,
        usd=_cost(then, after, _reserved(then, bought)),
        all_on_demand_usd=_all_on_demand(then, after),
        clairvoyant_usd=solved(known, after, Whole.ANY).usd,
    )
