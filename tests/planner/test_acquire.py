"""Buying nodes for work that fits nowhere: the cheapest that may be bought, and never past a limit."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tauon.model.ids import NodeId, OfferId, PoolName
from tauon.model.job import CheckpointPolicy
from tauon.model.node import Node
from tauon.model.offer import Offer
from tauon.model.plan import LaunchNode, Plan, ReleaseNode, StartAttempt, WaitCode
from tauon.model.resources import CapacityType, Constraints, Request
from tests.builders import SECOND_US, a_node, a_request, an_offer
from tests.planner.board import Board

SPOT = CapacityType.SPOT


def a_board(*offers: Offer, **pool: object) -> Board:
    """A small node of nobody's, and a cloud."""
    board = Board(a_node("n1", gpus=0))
    board.offer(*offers, **pool)
    return board


def launched(plan: Plan) -> list[Node]:
    return [action.node for action in plan.actions if isinstance(action, LaunchNode)]


def released(plan: Plan) -> list[NodeId]:
    return [action.node for action in plan.actions if isinstance(action, ReleaseNode)]


def test_work_that_fits_nowhere_buys_a_node_and_runs_on_it() -> None:
    board = a_board(an_offer())
    job = board.submit(gpus=8)
    plan = board.carry_out(board.decide())
    [node] = launched(plan)
    assert node.offer == "sky/h100x8"
    [why] = plan.waiting.values()
    assert why.code is WaitCode.ACQUIRING
    assert "H100:8 (on-demand)" in why.message
    assert "$16.00 an hour" in why.message
    board.boot()
    started = [a.attempt for a in board.decide().actions if isinstance(a, StartAttempt)]
    assert [(a.job, a.placement[0].node) for a in started] == [(job.id, node.id)]


def test_what_is_on_order_is_not_ordered_again() -> None:
    board = a_board(an_offer())
    board.submit(gpus=8)
    board.carry_out(board.decide())
    for _ in range(3):
        board.wait(5)
        plan = board.carry_out(board.decide())
        assert plan.actions == ()
        [why] = plan.waiting.values()
        assert why.code is WaitCode.ACQUIRING


def test_jobs_share_what_is_bought() -> None:
    board = a_board(an_offer())
    for _ in range(9):
        board.submit(gpus=1)
    assert len(launched(board.decide())) == 2


def test_the_cheapest_for_the_work_is_bought_and_not_the_cheapest_by_the_hour() -> None:
    slow = an_offer("a100x8", usd_per_h=12, accelerator="A100")  # 312 against 989 teraflops for three quarters
    board = a_board(an_offer(), slow)
    board.submit(request=a_request(gpus=8, kinds=("A100", "H100")))
    assert [node.offer for node in launched(board.decide())] == ["sky/h100x8"]


def test_a_gang_takes_full_nodes_and_the_cheapest_for_what_is_left() -> None:
    board = a_board(an_offer(), an_offer("h100x2", gpus=2, usd_per_h=5))
    board.submit(workers=9, gpus=2)
    bought = Counter(node.offer for node in launched(board.decide()))
    assert bought == {OfferId("sky/h100x8"): 2, OfferId("sky/h100x2"): 1}


def test_several_pools_at_once_when_stock_is_short() -> None:
    board = a_board(an_offer(available=1))
    board.offer(an_offer(pool=PoolName("cloud"), usd_per_h=20, available=5))
    for _ in range(3):
        board.submit(gpus=8)
    assert sorted(node.pool for node in launched(board.decide())) == ["cloud", "cloud", "sky"]


def test_what_had_nothing_is_left_alone_until_its_time() -> None:
    board = a_board(an_offer(), an_offer("spot", usd_per_h=6, capacity_type=SPOT))
    board.submit(gpus=8)
    board.sold_out = {OfferId("sky/spot"): board.now_us + 60 * SECOND_US}
    plan = board.decide()
    assert [node.offer for node in launched(plan)] == ["sky/h100x8"]
    board.wait(61)
    assert [node.offer for node in launched(board.decide())] == ["sky/spot"]


def test_a_reason_says_what_stands_in_the_way() -> None:
    board = a_board(an_offer(), limits={"H100": 4})
    board.submit(gpus=8)
    [why] = board.decide().waiting.values()
    assert why.obstacle == "sky/h100x8: the pool may have 4 H100 and has 0"
    board = a_board(an_offer())
    board.submit(request=a_request(gpus=8, max_price_micro_usd=1_000_000))
    [why] = board.decide().waiting.values()
    assert why.obstacle == "no pool offers H100:8, 1 CPU, 1 GiB within its constraints"


def test_a_price_that_is_not_known_is_not_paid() -> None:
    board = a_board(an_offer(is_priced=False, usd_per_h=0))
    board.submit(gpus=8)
    assert launched(board.decide()) == []


def test_a_deadline_that_spot_could_miss_buys_what_stays() -> None:
    board = a_board(an_offer(), an_offer("spot", usd_per_h=4, capacity_type=SPOT))
    board.submit(gpus=8, deadline_us=board.now_us + 3650 * SECOND_US, timeout_s=3600.0)
    assert [node.offer for node in launched(board.decide())] == ["sky/h100x8"]
    board = a_board(an_offer(), an_offer("spot", usd_per_h=4, capacity_type=SPOT))
    board.submit(gpus=8, deadline_us=board.now_us + 9000 * SECOND_US, timeout_s=3600.0)
    assert [node.offer for node in launched(board.decide())] == ["sky/spot"]


def test_a_deadline_waits_for_spot_while_it_can_and_no_longer() -> None:
    board = a_board(an_offer(), an_offer("spot", usd_per_h=4, capacity_type=SPOT, available=0))
    board.submit(gpus=8, deadline_us=board.now_us + 9000 * SECOND_US, timeout_s=3600.0)
    plan = board.carry_out(board.decide())
    assert launched(plan) == []
    [why] = plan.waiting.values()
    assert "its deadline lets it wait for spot" in why.obstacle
    assert plan.next_look_us is not None
    board.now_us = plan.next_look_us
    assert [node.offer for node in launched(board.decide())] == ["sky/h100x8"]


def test_work_that_would_be_lost_shuns_what_is_taken_away() -> None:
    often = an_offer("spot", usd_per_h=12, capacity_type=SPOT, interruptions_per_h=1.0)
    board = a_board(an_offer(), often)
    board.submit(gpus=8)
    assert [node.offer for node in launched(board.decide())] == ["sky/h100x8"]
    board = a_board(an_offer(), often)
    board.submit(gpus=8, checkpoint=CheckpointPolicy(interval_s=600))
    assert [node.offer for node in launched(board.decide())] == ["sky/spot"]


def test_an_idle_node_goes_after_a_while_and_not_before() -> None:
    board = a_board(an_offer(), keep_idle_s=60.0)
    job = board.submit(gpus=8)
    board.carry_out(board.decide())
    [node] = board.boot()
    board.carry_out(board.decide())
    board.end(job)
    board.wait(59)
    plan = board.carry_out(board.decide())
    assert released(plan) == []
    assert plan.next_look_us == board.now_us + SECOND_US
    board.wait(1)
    assert released(board.decide()) == [node.id]


def test_what_is_paid_for_by_the_hour_stays_for_the_hour() -> None:
    board = a_board(an_offer(billing_s=3600), keep_idle_s=60.0)
    job = board.submit(gpus=8)
    board.carry_out(board.decide())
    [node] = board.boot()
    board.carry_out(board.decide())
    board.wait(600)
    board.end(job)
    board.wait(2939)
    plan = board.carry_out(board.decide())
    assert released(plan) == []
    assert plan.next_look_us == board.now_us + SECOND_US
    board.wait(1)
    assert released(board.decide()) == [node.id]


def test_a_gang_keeps_the_node_that_came_first() -> None:
    board = a_board(an_offer(), keep_idle_s=1.0)
    board.submit(workers=2, gpus=8)
    board.carry_out(board.decide())
    first, second = (n for n in board.cluster.nodes.values() if n.offer)
    board.put_ready(first)
    board.wait(300)
    assert released(board.decide()) == []
    board.put_ready(second)
    assert [type(a) for a in board.decide().actions] == [StartAttempt]


def test_an_order_that_nobody_waits_for_any_more_is_withdrawn() -> None:
    board = a_board(an_offer(), keep_idle_s=60.0)
    job = board.submit(gpus=8)
    board.carry_out(board.decide())
    board.withdraw(job)
    board.wait(60)
    assert len(released(board.decide())) == 1


def test_a_machine_that_never_comes_is_given_up_and_another_bought() -> None:
    board = a_board(an_offer(boot_s=300.0))
    board.submit(gpus=8)
    board.carry_out(board.decide())
    board.wait(1499)
    assert board.decide().actions == ()
    board.wait(1)
    plan = board.carry_out(board.decide())
    assert len(released(plan)) == 1
    assert len(launched(board.decide())) == 1


def test_work_is_taken_off_a_node_that_is_being_taken_back() -> None:
    board = a_board(an_offer("spot", capacity_type=SPOT))
    job = board.submit(gpus=8)
    board.carry_out(board.decide())
    [node] = board.boot()
    board.carry_out(board.decide())
    board.notice(node, after_s=4.0)
    plan = board.carry_out(board.decide())
    [stop] = [a for a in plan.actions if not isinstance(a, LaunchNode)]
    assert (stop.attempt, stop.cause, stop.notice_s) == (f"{job.id}-1", "preempted", 3.0)  # type: ignore[union-attr]
    assert launched(plan) == []
    board.preempted(job)
    plan = board.decide()
    assert released(plan) == [node.id]
    assert len(launched(plan)) == 1


# ------------------------------------------------------------- whatever is offered and asked for

OFFERS = st.lists(
    st.builds(
        lambda number, pool, gpus, price, kind, region, stock, priced: an_offer(
            f"o{number}",
            pool=PoolName(pool),
            gpus=gpus,
            usd_per_h=price,
            capacity_type=kind,
            region=region,
            residency=(region[:2],),
            available=stock,
            is_priced=priced,
        ),
        st.integers(0, 9),
        st.sampled_from(("sky", "cloud")),
        st.sampled_from((1, 2, 4, 8)),
        st.integers(1, 40),
        st.sampled_from((CapacityType.SPOT, CapacityType.ON_DEMAND)),
        st.sampled_from(("eu-1", "us-1")),
        st.none() | st.integers(0, 3),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)
REQUESTS = st.builds(
    lambda gpus, workers, price, residency, kinds: a_request(
        gpus=gpus,
        workers=workers,
        max_price_micro_usd=price and price * 1_000_000,
        constraints=Constraints(residency=residency, capacity_types=kinds),
    ),
    st.sampled_from((0.5, 1, 2, 4, 8)),
    st.integers(1, 4),
    st.none() | st.integers(1, 6),
    st.sampled_from(((), ("eu",))),
    st.sampled_from(((), (CapacityType.ON_DEMAND,))),
)


@settings(max_examples=150, deadline=None)
@given(OFFERS, st.lists(REQUESTS, min_size=1, max_size=6), st.integers(0, 4), st.integers(0, 24), st.integers(0, 60))
def test_nothing_is_bought_past_a_limit_and_it_comes_to_rest(
    offers: list[Offer], requests: list[Request], nodes: int, accelerators: int, money: int
) -> None:
    board = Board(a_node("n1", gpus=0))
    limits = {"limits": {"nodes": nodes, "H100": accelerators}, "max_usd_per_h": str(money)}
    by_pool: dict[str, list[Offer]] = {}
    for offer in offers:
        by_pool.setdefault(offer.shape.pool, []).append(offer)
    for alike in by_pool.values():
        board.offer(*alike, **limits)
    for request in requests:
        board.submit(request=request)
    for _ in range(12):
        plan = board.carry_out(board.decide())
        board.boot()
        _within_limits(board, by_pool, nodes, accelerators, money)
        _allowed(board, plan)
        if not plan.actions:
            break
        board.wait(0.1)
    else:
        raise AssertionError("it buys and gives back without end")


def _within_limits(board: Board, by_pool: dict[str, list[Offer]], nodes: int, accelerators: int, money: int) -> None:
    for pool, offers in by_pool.items():
        bought = [n for n in board.cluster.nodes.values() if n.offer and n.pool == pool]
        assert len(bought) <= nodes
        assert sum(n.shape.accelerator_count for n in bought) <= accelerators
        prices = {offer.id: offer for offer in offers}
        assert sum(prices[n.offer].micro_usd_per_h for n in bought) <= money * 1_000_000
        assert all(prices[n.offer].is_priced for n in bought)


def _allowed(board: Board, plan: Plan) -> None:
    """Whatever starts is where its constraints let it be, at a price that it accepts."""
    for action in plan.actions:
        if isinstance(action, StartAttempt):
            request = board.cluster.jobs[action.attempt.job].request
            for worker in action.attempt.placement:
                shape = board.cluster.nodes[worker.node].shape
                limits = request.constraints
                assert not limits.residency or set(limits.residency) & set(shape.residency)
                assert not limits.capacity_types or shape.capacity_type in limits.capacity_types
                most = request.max_price_micro_usd
                assert most is None or shape.rates.accelerator_micro_usd <= most
