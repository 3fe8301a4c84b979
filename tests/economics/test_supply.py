"""Supply plans: the textbook's answers where there are any, limits kept, and an infeasible question says what binds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tauon.economics.demand import hourly
from tauon.economics.supply.demand import duration_curve, growth_of, levels, predicted
from tauon.economics.supply.market import Demand, Held, Spot, SupplyOffer, SupplyQuestion, Term
from tauon.economics.supply.plan import backtest, plan
from tauon.economics.supply.program import Program, Whole, eligible, solved, worth_it
from tauon.model.errors import Infeasible, InvalidRequest
from tauon.model.ledger import Entry, EntryKind
from tauon.model.money import HOUR_US
from tauon.ports.ledger import Window

YEAR = Term(name="1y", hours=8760, usd_per_h=0.6)
RAMP = tuple(float(i) for i in range(1000))


def an_offer(pool: str = "cloud", **fields: Any) -> SupplyOffer:
    defaults: dict[str, Any] = {
        "pool": pool,
        "accelerator": "H100",
        "on_demand_usd_per_h": 1.0,
        "terms": (YEAR,),
        "node_gpus": 1,
    }
    return SupplyOffer(**(defaults | fields))


def a_demand(hours: tuple[float, ...] = RAMP, **fields: Any) -> Demand:
    defaults: dict[str, Any] = {"name": "H100", "accelerator": "H100", "hourly": hours, "growth": 0.0}
    return Demand(**(defaults | fields))


def a_question(*offers: SupplyOffer, demand: Demand | None = None, **fields: Any) -> SupplyQuestion:
    return SupplyQuestion(demands=(demand or a_demand(),), offers=offers or (an_offer(),), **fields)


@pytest.mark.parametrize(("price", "quantile"), [(0.75, 0.25), (0.6, 0.4), (0.45, 0.55)])
def test_one_pool_and_one_term_is_the_newsvendor(price: float, quantile: float) -> None:
    offer = an_offer(terms=(Term(name="1y", hours=8760, usd_per_h=price),))
    (purchase,) = plan(a_question(offer)).purchases
    assert purchase.gpus == pytest.approx(1000 * quantile, abs=12)


def test_nothing_is_reserved_where_it_does_not_pay() -> None:
    found = plan(a_question(an_offer(terms=(Term(name="1y", hours=8760, usd_per_h=1.0),))))
    assert found.purchases == ()
    assert found.expected_usd == pytest.approx(found.all_on_demand_usd)
    assert found.expected_usd == pytest.approx(499.5 * 8760)


def test_costs_are_those_of_the_program_and_below_the_alternatives() -> None:
    question = a_question(
        an_offer(spot=Spot(usd_per_h=0.4, availability=0.8)), an_offer("dear", on_demand_usd_per_h=1.2)
    )
    curves = [predicted(demand) for demand in question.demands]
    found = plan(question)
    assert found.expected_usd == pytest.approx(solved(question, curves, Whole.NODES).usd, rel=1e-3)
    assert found.expected_usd < found.all_on_demand_usd
    assert found.expected_usd < found.today_usd
    assert found.p90_usd >= found.expected_usd
    assert all(case.usd >= case.best_usd * (1 - 1e-3) for case in found.sensitivities)
    total = sum(p.usd for p in found.purchases) + sum(f.usd for f in found.flows)
    assert total == pytest.approx(found.expected_usd, rel=1e-2)


def test_reservations_are_whole_nodes_and_no_less_than_the_smallest_order() -> None:
    flat = a_demand((100.0,) * 100)
    term = Term(name="1y", hours=8760, usd_per_h=0.6, nodes_min=10, nodes_max=100)
    (purchase,) = plan(a_question(an_offer(terms=(term,), node_gpus=8), demand=flat)).purchases
    assert (purchase.nodes, purchase.gpus) == (12, 96)
    little = a_demand((30.0,) * 100)
    assert plan(a_question(an_offer(terms=(term,), node_gpus=8), demand=little)).purchases == ()


def test_a_limit_is_kept_and_the_next_cheapest_taken() -> None:
    cheap = an_offer("cheap", terms=(replace(YEAR, usd_per_h=0.3, nodes_max=10),))
    flat = a_demand((50.0,) * 100)
    bought = {p.pool: p.gpus for p in plan(a_question(cheap, an_offer("other"), demand=flat)).purchases}
    assert bought == {"cheap": 10, "other": 40}


def test_spot_takes_no_more_than_its_share_of_any_hour() -> None:
    offer = an_offer(terms=(), spot=Spot(usd_per_h=0.2, availability=1.0, overhead=0.0))
    found = plan(a_question(offer, spot_share=0.4))
    flows = {flow.market: flow.gpu_hours for flow in found.flows}
    assert flows["spot"] == pytest.approx(0.4 * 499.5 * 8760)
    assert found.expected_usd == pytest.approx((0.4 * 0.2 + 0.6) * 499.5 * 8760)


def test_spot_that_is_seldom_there_is_as_dear_as_what_replaces_it() -> None:
    offer = an_offer(terms=(), spot=Spot(usd_per_h=0.99, availability=0.5, overhead=0.1))
    assert {flow.market for flow in plan(a_question(offer)).flows} == {"on-demand"}


def test_what_is_held_serves_first_and_is_paid_anyhow() -> None:
    flat = a_demand((50.0,) * 100)
    held = Held(pool="cloud", accelerator="H100", gpus=20, usd_per_h=2.0)
    found = plan(a_question(demand=flat, held=(held,)))
    assert sum(p.gpus for p in found.purchases) == 30
    assert found.held_usd == pytest.approx(20 * 2.0 * 8760)
    assert found.today_usd == pytest.approx((20 * 2.0 + 30) * 8760)


def test_what_two_demands_may_use_is_counted_once() -> None:
    held = Held(pool="cloud", accelerator="H100", gpus=40, usd_per_h=0.5)
    demands = (a_demand((30.0,) * 100, name="a"), a_demand((30.0,) * 100, name="b"))
    found = plan(SupplyQuestion(demands=demands, offers=(an_offer(),), held=(held,)))
    assert sum(p.gpus for p in found.purchases) == pytest.approx(20)


def test_a_demand_stays_where_its_data_may_be() -> None:
    cheap, near = an_offer("cheap", on_demand_usd_per_h=0.1), an_offer("near", residency=("eu",))
    found = plan(a_question(cheap, near, demand=a_demand(residency="eu")))
    assert {p.pool for p in found.purchases} | {f.pool for f in found.flows} == {"near"}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (SupplyQuestion(demands=(), offers=(an_offer(),)), "there is no demand"),
        (a_question(demand=a_demand((1.0,) * 10)), "at least 48 hours"),
    ],
)
def test_a_question_that_is_none_is_refused(question: SupplyQuestion, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        plan(question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (a_question(demand=a_demand(accelerator="B200")), "no offer has B200"),
        (a_question(demand=a_demand(residency="eu")), "no offer has H100 with residency eu"),
        (a_question(budget_usd=1e6), r"the budget of \$1,000,000 binds: .* costs about \$3,"),
        (
            a_question(budget_usd=1e3, held=(Held(pool="cloud", accelerator="H100", gpus=9, usd_per_h=1.0),)),
            "the budget",
        ),
        (a_question(an_offer(on_demand_max=100, terms=())), "cloud has at most 100 on demand"),
        (
            a_question(an_offer(on_demand_usd_per_h=None, terms=(replace(YEAR, nodes_max=5),))),
            "cloud has none on demand; cloud reserves at most 5 nodes for 1y",
        ),
    ],
)
def test_what_can_t_be_answered_says_which_constraint_binds(question: SupplyQuestion, said: str) -> None:
    with pytest.raises(Infeasible, match=said):
        plan(question)


def test_a_budget_that_suffices_changes_nothing() -> None:
    free = plan(a_question())
    assert plan(a_question(budget_usd=free.expected_usd * 1.01)).expected_usd == pytest.approx(
        free.expected_usd, rel=1e-3
    )


def test_growth_is_as_the_past_moved_unless_it_is_said() -> None:
    assert growth_of(a_demand(growth=0.12)) == 0.12
    steady, doubling = (5.0,) * 100, tuple(2.0 ** (i // 25) for i in range(100))
    assert growth_of(a_demand(steady, growth=None)) == 0.05
    assert growth_of(a_demand(doubling, growth=None)) == 0.3
    assert math.prod(levels(0.3)) == pytest.approx(1)


@given(
    st.lists(st.floats(0, 1e4), min_size=50, max_size=400),
    st.integers(10, 120),
    st.floats(0, 1e4),
)
def test_a_duration_curve_keeps_all_hours_and_their_sum(hours: list[float], blocks: int, held: float) -> None:
    amounts = np.asarray(hours)
    heights, shares = duration_curve(amounts, blocks)
    assert len(heights) <= blocks + 2
    assert shares.sum() == pytest.approx(1)
    assert float((heights * shares).sum()) == pytest.approx(float(amounts.mean()), abs=1e-6)
    exact = float(np.maximum(amounts - held, 0).mean())
    step = float(amounts.max() - amounts.min()) / (blocks // 2)
    assert exact - step - 1e-6 <= float((np.maximum(heights - held, 0) * shares).sum()) <= exact + 1e-6


prices = st.floats(0.1, 2.0)


@settings(max_examples=25)
@given(st.lists(st.tuples(prices, st.none() | st.floats(1, 500), prices, prices), min_size=1, max_size=4))
def test_leaving_out_what_can_t_pay_changes_no_cost(drawn: list[tuple[float, float | None, float, float]]) -> None:
    offers = tuple(
        an_offer(
            f"p{i}",
            on_demand_usd_per_h=plain,
            on_demand_max=most if i else None,
            terms=(replace(YEAR, usd_per_h=term),),
            spot=Spot(usd_per_h=spot, availability=0.7, gpus_max=200),
        )
        for i, (plain, most, term, spot) in enumerate(drawn)
    )
    question = a_question(*offers, blocks=24)
    curves = [predicted(demand) for demand in question.demands]
    kept = worth_it(eligible(question.demands[0], offers))
    assert Program(question, curves, Whole.ANY).solve().usd == pytest.approx(
        Program(replace(question, offers=tuple(kept)), curves, Whole.ANY).solve().usd, rel=1e-6
    )


def test_a_backtest_compares_with_who_knew() -> None:
    shifted = tuple(100 + 30 * math.sin(i / 24 * 2 * math.pi) + (20 if i >= 500 else 0) for i in range(1000))
    found = backtest(a_question(demand=a_demand(shifted, growth=None)))
    assert found is not None
    assert 1 <= found.regret < 1.1
    assert found.usd < found.all_on_demand_usd
    assert backtest(a_question(demand=a_demand((1.0,) * 90))) is None


def test_past_demand_is_what_work_held_in_each_hour() -> None:
    entries = [
        Entry(kind=kind, pool="lab", accelerator=type_, accelerator_milli=milli, atoms_per_us=1, from_us=a, to_us=b)
        for kind, type_, milli, a, b in (
            (EntryKind.WORK, "H100", 4000, 0, 3 * HOUR_US // 2),
            (EntryKind.WORK, "H100", 500, HOUR_US, 10 * HOUR_US),
            (EntryKind.WORK, "A100", 1000, 5 * HOUR_US // 2, 3 * HOUR_US),
            (EntryKind.WORK, "", 0, 0, HOUR_US),
            (EntryKind.ASSET, "H100", 8000, 0, HOUR_US),
        )
    ]
    assert hourly(entries, Window(from_us=0, to_us=3 * HOUR_US)) == {"A100": [0, 0, 0.5], "H100": [4, 2.5, 0.5]}
