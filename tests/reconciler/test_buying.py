"""Buying and giving back through the loop: orders that are lost, refused and repeated, and machines nobody asked for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tauon.economics.bill import bill
from tauon.model.errors import NotReady, OutOfCapacity, ProviderError, QuotaExceeded, Rejected
from tauon.model.event import NodeLost, NodeTerminated, OffersPriced, PoolConfigured
from tauon.model.ids import NodeId, PoolName
from tauon.model.job import JobState
from tauon.model.money import Rates
from tauon.model.node import Node, NodeState
from tauon.model.resources import CapacityType
from tauon.ports.providers import Ending, NodeRefusal, Phase, SpotNotice
from tauon.reconciler.memory_store import MemoryStore
from tauon.service.money import open_records
from tests.builders import SECOND_US, a_node, a_pool, an_offer
from tests.reconciler.engine import Market, Yard

pytestmark = pytest.mark.anyio
SPOT = an_offer("spot", usd_per_h=6, capacity_type=CapacityType.SPOT, pool=PoolName("lab"))
STAYS = an_offer("stays", usd_per_h=16, pool=PoolName("lab"))


def a_yard(*offers: object) -> tuple[Yard, Market]:
    yard = Yard(a_node("n0", gpus=0))
    market = Market(*(offers or (SPOT, STAYS)))  # type: ignore[arg-type]
    yard.trade(market)
    yard.journal.append([PoolConfigured(pool=a_pool("lab", keep_idle_s=30.0))])
    return yard, market


def bought(yard: Yard) -> list[Node]:
    return [yard.cluster.nodes[node] for node in yard.cluster.bought]


async def test_a_node_is_bought_used_and_given_back_and_the_bill_knows_it() -> None:
    yard, market = a_yard()
    job = yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    assert (node.state, node.offer) == (NodeState.REQUESTED, SPOT.id)
    assert [order.node for order in market.orders] == [node.id]
    yard.wait(60)
    market.boots(node.id)
    await yard.cycle()
    live = yard.cluster.jobs[job.id].attempt
    assert live is not None
    yard.engine.tell(live, Phase.RUNNING)
    await yard.cycle()
    yard.wait(3600)
    market.reprices(node.id, Rates(accelerator_micro_usd=1_000_000))
    await yard.cycle()
    yard.wait(3600)
    yard.ends(live)
    await yard.cycle()
    yard.wait(30)
    await yard.cycle()
    assert market.terminated == [node.id]
    await yard.cycle()
    assert bought(yard) == []
    assert yard.events()[-1].fact == NodeTerminated(node_id=node.id, reason="idle for 30 s, and nothing waits for it")
    records = (*yard.store.usage(from_us=0, to_us=yard.clock.now_us()), *open_records(yard.cluster, 0))
    mine = bill([r for r in records if r.node == node.id], from_us=0, to_us=yard.clock.now_us(), key=lambda r: "")
    assert mine.work.cost.micro_usd == 6_000_000 + 8_000_000  # an hour at each price
    assert mine.idle.micro_usd == round(30 / 3600 * 8_000_000)


async def test_a_lost_reply_buys_one_node() -> None:
    yard, market = a_yard()
    market.loses_replies = NotReady("the connection broke", retry_after_s=5.0)
    yard.submit(gpus=8)
    await yard.cycle()
    await yard.cycle()
    market.loses_replies = None
    yard.wait(5)
    await yard.cycle()
    assert len(bought(yard)) == 1
    assert len({order.node for order in market.orders}) == 1
    assert len(market.orders) > 1


async def test_after_a_crash_the_same_order_is_given_again() -> None:
    yard, market = a_yard()
    yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    yard.site = yard.a_site()
    await yard.cycle()
    assert [order.node for order in market.orders] == [node.id, node.id]
    assert len(bought(yard)) == 1


@pytest.mark.parametrize(
    ("error", "left_alone_s"),
    [
        (OutOfCapacity("sold out", until_us=0), 30),
        (QuotaExceeded("the account is full"), 600),
        (Rejected("no such thing"), 1800),
    ],
)
async def test_an_offer_that_is_refused_is_left_alone_and_another_bought(
    error: ProviderError, left_alone_s: float
) -> None:
    yard, market = a_yard()
    market.refuses[SPOT.id] = error
    yard.submit(gpus=8)
    await yard.cycle()
    assert bought(yard) == []
    assert yard.events()[-1].fact == NodeTerminated(node_id=market.orders[0].node, reason=str(error))
    await yard.cycle()
    assert [node.offer for node in bought(yard)] == [STAYS.id]
    assert yard.pool.sold_out[SPOT.id] == yard.clock.now_us() + left_alone_s * SECOND_US


async def test_what_is_out_again_and_again_is_asked_for_less_and_less_often() -> None:
    yard, market = a_yard(SPOT)
    market.refuses[SPOT.id] = OutOfCapacity("sold out", until_us=0)
    yard.submit(gpus=8)
    waits = []
    for _ in range(4):
        await yard.cycle()
        waits.append((yard.pool.sold_out[SPOT.id] - yard.clock.now_us()) / SECOND_US)
        [why] = (await yard.cycle()).waiting.values()
        assert why.obstacle == "lab/spot had nothing left a short while ago"
        yard.wait(waits[-1])
    assert waits == [30, 60, 120, 240]
    market.refuses.clear()
    await yard.cycle()
    assert len(bought(yard)) == 1
    assert yard.pool.sold_out == {}


async def test_not_yet_keeps_the_order() -> None:
    yard, market = a_yard()
    market.refuses[SPOT.id] = NotReady("throttled", retry_after_s=7.0)
    yard.submit(gpus=8)
    await yard.cycle()
    await yard.cycle()
    assert len(market.orders) == 1
    assert yard.due_s() <= 7.0
    yard.wait(7)
    market.refuses.clear()
    await yard.cycle()
    assert [order.node for order in market.orders] == [bought(yard)[0].id] * 2


async def test_a_machine_that_nobody_asked_for_is_said_and_given_back() -> None:
    yard, market = a_yard()
    stray = Node(id=NodeId("lab-n999"), shape=SPOT.shape, offer=SPOT.id)
    market.machines[stray.id] = stray
    await yard.cycle()
    assert yard.logged == ["pool lab has lab-n999, which nobody asked for: it is given back"]
    assert market.terminated == [stray.id]
    await yard.cycle()
    assert stray.id not in yard.cluster.nodes
    assert yard.cluster.attempts == {}


async def test_an_order_that_was_given_up_and_comes_after_all_is_given_back() -> None:
    yard, market = a_yard()
    job = yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    yard.cancel(job)
    yard.wait(30)
    await yard.cycle()
    assert bought(yard) == []
    market.machines[node.id] = Node(id=node.id, shape=node.shape, offer=node.offer)
    await yard.cycle()
    await yard.cycle()
    assert market.terminated.count(node.id) >= 1
    assert bought(yard) == []


async def test_notice_stops_the_work_and_the_job_goes_on_elsewhere() -> None:
    yard, market = a_yard()
    job = yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    market.boots(node.id)
    await yard.cycle()
    live = yard.cluster.jobs[job.id].attempt
    assert live is not None
    yard.engine.tell(live, Phase.RUNNING)
    await yard.cycle()
    market.notices = (SpotNotice(node=node.id, reclaim_at_us=yard.clock.now_us() + 120 * SECOND_US),)
    await yard.cycle()
    [order] = yard.engine.stops
    assert (order.attempt, order.cause, order.notice_s) == (live, "preempted", 5.0)
    yard.engine.tell(live, Phase.ENDED, Ending.EXITED, -15)
    await yard.cycle()
    assert yard.cluster.jobs[job.id].state is JobState.QUEUED
    assert yard.cluster.jobs[job.id].retries_used.total == 0
    assert market.terminated == [node.id]
    [other] = [n for n in bought(yard) if n.id != node.id]
    assert (other.state, other.offer) == (NodeState.REQUESTED, STAYS.id)  # spot has just been taken back


async def test_an_order_that_will_not_be_met_after_all_is_over_at_once() -> None:
    yard, market = a_yard()
    yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    market.never_come = (NodeRefusal(node=node.id, error=OutOfCapacity("taken back while it booted", until_us=0)),)
    await yard.cycle()
    assert [n.offer for n in bought(yard)] == [STAYS.id]
    assert node.id not in yard.cluster.nodes


async def test_a_node_that_goes_without_notice_is_lost_and_costs_no_longer() -> None:
    yard, market = a_yard()
    job = yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    market.boots(node.id)
    await yard.cycle()
    market.machines.clear()
    await yard.cycle()
    lost = [e.fact for e in yard.events() if isinstance(e.fact, NodeLost)]
    assert [fact.node_id for fact in lost] == [node.id]
    assert yard.cluster.jobs[job.id].retries_used.lost == 1


async def test_prices_are_kept_as_they_move_and_only_then() -> None:
    yard, market = a_yard()
    await yard.cycle()
    await yard.cycle()
    [first] = [e.fact for e in yard.events() if isinstance(e.fact, OffersPriced)]
    assert {price.offer for price in first.prices} == {SPOT.id, STAYS.id}
    before = yard.cluster.seq
    market.lists(replace(SPOT, priced_at_us=5, shape=replace(SPOT.shape, rates=Rates(accelerator_micro_usd=5))), STAYS)
    await yard.cycle()
    [moved] = [e.fact for e in yard.events(before) if isinstance(e.fact, OffersPriced)]
    assert [(p.offer, p.rates) for p in moved.prices] == [(SPOT.id, Rates(accelerator_micro_usd=5))]
    market.lists(STAYS)
    await yard.cycle()
    [gone] = [e.fact for e in yard.events(before + 1) if isinstance(e.fact, OffersPriced)]
    assert [(p.offer, p.rates) for p in gone.prices] == [(SPOT.id, None)]


async def test_a_pool_that_does_not_answer_sells_nothing_and_loses_nothing() -> None:
    yard, market = a_yard()
    yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    market.silent = NotReady("the region is down", retry_after_s=5.0)
    plan = await yard.cycle()
    [why] = plan.waiting.values()
    assert why.obstacle == "pool lab does not answer: the region is down"
    assert [n.id for n in bought(yard)] == [node.id]
    market.silent = None
    market.boots(node.id)
    await yard.cycle()
    assert yard.cluster.nodes[node.id].state is NodeState.READY


async def test_the_journal_replays_to_the_same_state() -> None:
    yard, market = a_yard()
    yard.submit(gpus=8)
    await yard.cycle()
    [node] = bought(yard)
    market.boots(node.id)
    await yard.cycle()
    assert isinstance(yard.store, MemoryStore)
    loaded = yard.store.load()
    assert loaded.nodes == yard.cluster.nodes
    assert loaded.bought == yard.cluster.bought
    assert loaded.fleet == yard.cluster.fleet
