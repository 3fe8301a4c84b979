"""The program that chooses: least expected cost over the blocks of a duration curve, nodes and minimum orders whole.

    minimise    sum R r H  +  sum_b w_b H (o O_b + s Q_b) + penalty X_b
    subject to  R + O_b + Q_b + X_b >= d_b - held,   Q_b <= share d_b,   limits of each offer,   budget

R is what is reserved, in nodes; O, Q what is bought on demand and on spot in block b; X what is left unserved, which is
none where the question can be answered at all. Solved by HiGHS through `scipy.optimize.milp`.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix

from tauon.economics.supply.demand import Hours, duration_curve
from tauon.economics.supply.market import Demand, Held, SupplyOffer, SupplyQuestion, Term
from tauon.model.errors import Infeasible, InvalidRequest

UNSERVED_USD = 1e4  # a GPU-hour: more than any costs, so that nothing is left unserved unless it must be
GAP = 1e-3
TIME_LIMIT_S = 60.0


class Whole(enum.Enum):
    """Whether reservations come in whole nodes with minimum orders, or in any amount (the bound of what is possible)."""

    NODES = "nodes"
    ANY = "any"


class Reserved(NamedTuple):
    """A variable: GPUs reserved for a demand in an offer for a term."""

    demand: int
    offer: SupplyOffer
    term: Term


class Bought(NamedTuple):
    """What the program chose: GPUs by reservation, GPU-hours an hour by (demand, pool, market), and how well it is proved."""

    reserved: dict[Reserved, float]
    on_demand: dict[tuple[int, str], float]
    spot: dict[tuple[int, str], float]
    unserved: dict[int, float]
    usd: float
    gap: float


def eligible(demand: Demand, offers: tuple[SupplyOffer, ...]) -> list[SupplyOffer]:
    """The offers that may serve a demand: its type, and where its data may be."""
    return [
        offer
        for offer in offers
        if offer.accelerator == demand.accelerator and (not demand.residency or demand.residency in offer.residency)
    ]


def worth_it(offers: list[SupplyOffer]) -> list[SupplyOffer]:
    """The same choices without those that can't be part of the cheapest answer: whatever costs as much as on-demand
    capacity of which there is no end."""
    endless = [o.on_demand_usd_per_h for o in offers if o.on_demand_usd_per_h is not None and o.on_demand_max is None]
    if not endless:
        return offers
    cheapest = min(endless)
    left = []
    for offer in offers:
        price, most = offer.on_demand_usd_per_h, offer.on_demand_max
        is_kept = price is not None and (price < cheapest or (price == cheapest and most is None))
        has_spot = offer.spot is not None and spot_cost(offer, cheapest) < cheapest
        terms = tuple(term for term in offer.terms if term.usd_per_h < cheapest)
        if is_kept or has_spot or terms:
            kept_price, spot = price if is_kept else None, offer.spot if has_spot else None
            left.append(replace(offer, on_demand_usd_per_h=kept_price, spot=spot, terms=terms))
    return left


def held_by_demand(question: SupplyQuestion) -> list[float]:
    """GPUs of the existing commitments that serve each demand: where several may use them, by their average size."""
    sizes = [max(1e-9, float(np.mean(demand.hourly))) for demand in question.demands]
    shares = [0.0] * len(sizes)
    for held in question.held:
        users = [
            number
            for number, demand in enumerate(question.demands)
            if any(
                (offer.pool, offer.accelerator) == (held.pool, held.accelerator)
                for offer in eligible(demand, question.offers)
            )
        ]
        total = sum(sizes[number] for number in users)
        for number in users:
            shares[number] += held.gpus * sizes[number] / total
    return shares


def solved(question: SupplyQuestion, curves: list[Hours], whole: Whole) -> Bought:
    """The cheapest answer. Without a budget no demand has to do with another: each is a small program of its own, and
    ten small integer programs take a hundredth of the time of one that is ten times as large."""
    if question.budget_usd is not None or len(question.demands) == 1:
        return Program(question, curves, whole).solve()
    own = held_by_demand(question)
    together = Bought({}, {}, {}, {}, 0.0, 0.0)
    for number, (demand, curve) in enumerate(zip(question.demands, curves, strict=True)):
        offers = tuple(eligible(demand, question.offers))
        held = (Held(pool=offers[0].pool, accelerator=demand.accelerator, gpus=own[number], usd_per_h=0.0),)
        alone = replace(question, demands=(demand,), offers=offers, held=held)
        found = Program(alone, [curve], whole).solve()
        together = Bought(
            together.reserved | {key._replace(demand=number): gpus for key, gpus in found.reserved.items()},
            together.on_demand | {(number, pool): gpus for (_, pool), gpus in found.on_demand.items()},
            together.spot | {(number, pool): gpus for (_, pool), gpus in found.spot.items()},
            together.unserved | {number: sum(found.unserved.values())},
            together.usd + found.usd,
            max(together.gap, found.gap),
        )
    return together


def spot_cost(offer: SupplyOffer, fallback_usd: float) -> float:
    """What an hour wanted on spot costs: on spot while that can be had, with what interruptions waste, else on demand."""
    assert offer.spot is not None
    share = offer.spot.availability
    return share * offer.spot.usd_per_h * (1 + offer.spot.overhead) + (1 - share) * fallback_usd


class _Matrix:
    """Rows and columns of the program as they come up."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.whole: list[int] = []
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.values: list[float] = []
        self.least: list[float] = []
        self.most: list[float] = []

    def variable(self, cost: float, upper: float = np.inf, whole: int = 0) -> int:
        self.cost.append(cost)
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.cost) - 1

    def constraint(self, terms: list[tuple[int, float]], least: float, most: float) -> None:
        row = len(self.least)
        for column, value in terms:
            self.rows.append(row)
            self.columns.append(column)
            self.values.append(value)
        self.least.append(least)
        self.most.append(most)


class Program:
    """A question as a mixed-integer program."""

    def __init__(self, question: SupplyQuestion, curves: list[Hours], whole: Whole) -> None:
        self._question = question
        self._matrix = _Matrix()
        self._whole = whole
        self._reserved: dict[Reserved, tuple[int, float]] = {}
        self._flows: list[tuple[str, int, str, int, float]] = []  # market, demand, pool, variable, hours
        self._unserved: list[tuple[int, int, float]] = []
        self._held = held_by_demand(question)
        for number, (demand, amounts) in enumerate(zip(question.demands, curves, strict=True)):
            offers = worth_it(eligible(demand, question.offers))
            self._reserve(number, offers)
            self._serve(number, offers, amounts)
        if question.budget_usd is not None:
            self._budget(question.budget_usd)

    def _reserve(self, number: int, offers: list[SupplyOffer]) -> None:
        matrix, horizon_h = self._matrix, self._question.horizon_h
        for offer in offers:
            for term in offer.terms:
                unit = float(offer.node_gpus) if self._whole is Whole.NODES else 1.0
                most = np.inf if term.nodes_max is None else term.nodes_max * offer.node_gpus / unit
                is_whole = self._whole is Whole.NODES
                column = matrix.variable(term.usd_per_h * horizon_h * unit, most, int(is_whole))
                self._reserved[Reserved(number, offer, term)] = (column, unit)
                if is_whole and term.nodes_min > 1:
                    ordered = matrix.variable(0.0, 1.0, 1)
                    matrix.constraint([(column, 1.0), (ordered, -float(term.nodes_min))], 0.0, np.inf)
                    limit = min(most, self._largest(number) / offer.node_gpus + term.nodes_min)
                    matrix.constraint([(column, 1.0), (ordered, -float(limit))], -np.inf, 0.0)

    def _largest(self, number: int) -> float:
        return float(np.max(self._question.demands[number].hourly, initial=0.0)) * 3

    def _serve(self, number: int, offers: list[SupplyOffer], amounts: Hours) -> None:
        matrix, question = self._matrix, self._question
        heights, shares = duration_curve(amounts, question.blocks)
        fallback = min((o.on_demand_usd_per_h for o in offers if o.on_demand_usd_per_h is not None), default=None)
        reserved = [(self._reserved[key]) for key in self._reserved if key.demand == number]
        for height, share in zip(heights, shares, strict=True):
            hours = float(share) * question.horizon_h
            terms = [(column, unit) for column, unit in reserved]
            for offer in offers:
                if offer.on_demand_usd_per_h is not None:
                    limit = np.inf if offer.on_demand_max is None else offer.on_demand_max
                    column = matrix.variable(offer.on_demand_usd_per_h * hours, limit)
                    self._flows.append(("on-demand", number, offer.pool, column, hours))
                    terms.append((column, 1.0))
            if fallback is not None:
                terms += self._spot(number, offers, float(height), hours, fallback)
            column = matrix.variable(UNSERVED_USD * hours)
            self._unserved.append((number, column, hours))
            terms.append((column, 1.0))
            matrix.constraint(terms, max(0.0, float(height) - self._held[number]), np.inf)

    def _spot(
        self, number: int, offers: list[SupplyOffer], height: float, hours: float, fallback: float
    ) -> list[tuple[int, float]]:
        """Spot of every offer, and together no more than its share of the demand."""
        terms = []
        for offer in offers:
            if offer.spot is not None:
                limit = np.inf if offer.spot.gpus_max is None else offer.spot.gpus_max
                column = self._matrix.variable(spot_cost(offer, fallback) * hours, limit)
                self._flows.append(("spot", number, offer.pool, column, hours))
                terms.append((column, 1.0))
        if terms:
            self._matrix.constraint(terms, 0.0, self._question.spot_share * height)
        return terms

    def _budget(self, budget_usd: float) -> None:
        unserved = {column for _, column, _ in self._unserved}
        costs = [(c, cost) for c, cost in enumerate(self._matrix.cost) if cost and c not in unserved]
        held_usd = sum(h.gpus * h.usd_per_h for h in self._question.held) * self._question.horizon_h
        self._matrix.constraint(costs, -np.inf, budget_usd - held_usd)

    def solve(self) -> Bought:
        """The cheapest answer. Raises InvalidRequest when the solver gives up."""
        m = self._matrix
        shape = (len(m.least), len(m.cost))
        table = coo_matrix((m.values, (m.rows, m.columns)), shape=shape).tocsc()
        found = milp(
            np.asarray(m.cost),
            constraints=LinearConstraint(table, np.asarray(m.least), np.asarray(m.most)),
            bounds=Bounds(np.zeros(len(m.cost)), np.asarray(m.upper)),
            integrality=np.asarray(m.whole),
            options={"mip_rel_gap": GAP, "time_limit": TIME_LIMIT_S},
        )
        if found.x is None:
            if self._question.budget_usd is not None:
                raise Infeasible(
                    "the budget is less than what the existing commitments cost: raise it, or leave it out"
                )
            raise InvalidRequest(f"the solver found no plan: {found.message}")
        return self._bought(found.x, float(found.fun), float(getattr(found, "mip_gap", 0.0) or 0.0))

    def _bought(self, x: Hours, usd: float, gap: float) -> Bought:
        horizon_h = self._question.horizon_h
        flows: dict[str, dict[tuple[int, str], float]] = {"on-demand": {}, "spot": {}}
        for market, demand, pool, column, hours in self._flows:
            key = (demand, pool)
            flows[market][key] = flows[market].get(key, 0.0) + float(x[column]) * hours / horizon_h
        unserved: dict[int, float] = {}
        for demand, column, hours in self._unserved:
            unserved[demand] = unserved.get(demand, 0.0) + float(x[column]) * hours
        reserved = {key: float(x[column]) * unit for key, (column, unit) in self._reserved.items() if x[column] > 1e-6}
        return Bought(reserved, flows["on-demand"], flows["spot"], unserved, usd, gap)
