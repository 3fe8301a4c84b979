"""Offers by the ten thousand: filtered and ranked for a job, and what they add to a cycle of the planner.

50,000 offers of 40 sellers in the shapes and at the prices that public catalogues show, made by seed; 20 pools that each
sell 500 of them, with work waiting that has to be bought for.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.report import Report, median
from tauon.model.accelerator import BF16_TFLOPS, MEMORY_GIB
from tauon.model.cluster import Cluster
from tauon.model.event import Event, Fact, JobSubmitted, NodeReady, NodeRequested, PoolConfigured, QueueConfigured
from tauon.model.ids import JobId, NodeId, OfferId, PoolName
from tauon.model.job import Job
from tauon.model.market import PoolOffers
from tauon.model.money import Rates
from tauon.model.node import Node, NodeShape
from tauon.model.offer import Offer, PriceSource
from tauon.model.plan import LaunchNode
from tauon.model.pool import Pool
from tauon.model.queue import DEFAULT_QUEUE, Queue
from tauon.model.resources import AcceleratorRequest, CapacityType, Constraints, Request
from tauon.model.snapshot import Snapshot
from tauon.planner.decide import decide
from tauon.service.offer_views import OfferOrder, OfferQuery
from tauon.service.offers import OnSale, offer_views, request_for

SEED = 11
NOW_US = 1_700_000_000_000_000
TYPES = ("T4", "A10G", "L4", "V100", "A100-40GB", "A100", "L40S", "H100", "H200", "B200", "MI300X", "RTX-4090")
COUNTS = (1, 1, 2, 4, 8, 8)
KINDS = (CapacityType.ON_DEMAND, CapacityType.SPOT)
LOOPS = 31


def some_offers(count: int, sellers: int, *, sold: int | None = None) -> list[PoolOffers]:
    """Offers in the shapes of public catalogues; dearer per accelerator the faster it is, spot at a third."""
    chance = random.Random(SEED)
    markets = []
    for seller in range(sellers):
        pool, offers = PoolName(f"cloud-{seller:02}"), []
        for number in range(count // sellers):
            type_, each, kind = chance.choice(TYPES), chance.choice(COUNTS), chance.choice(KINDS)
            usd = BF16_TFLOPS[type_] / 400 * chance.uniform(0.7, 1.6) * (0.35 if kind is CapacityType.SPOT else 1.0)
            region = f"region-{chance.randrange(12)}"
            shape = NodeShape(
                pool=pool,
                accelerator=type_,
                accelerator_count=each,
                accelerator_memory_gib=MEMORY_GIB[type_],
                cpu_milli=each * chance.choice((4, 8, 16)) * 1000,
                memory_mib=each * chance.choice((32, 64, 128)) * 1024,
                disk_mib=1 << 20,
                region=region,
                residency=("eu",) if region < "region-4" else ("us",),
                capacity_type=kind,
                rates=Rates(accelerator_micro_usd=round(usd * 1e6)),
            )
            name = OfferId(f"{pool}/{region}/{type_}x{each}/{kind}/{number}")
            offers.append(
                Offer(
                    id=name, shape=shape, priced_at_us=NOW_US, source=PriceSource.PROVIDER, boot_s=90.0, available=sold
                )
            )
        markets.append(PoolOffers(offers))
    return markets


def milliseconds(work: Callable[[], object]) -> float:
    """The median of several runs, in CPU time: nothing here waits, and the machine may be shared."""
    times = []
    for _ in range(LOOPS):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1000)
    return median(times)


def rank(markets: Sequence[PoolOffers], query: OfferQuery) -> Callable[[], object]:
    """The answer to one question over all offers, from nothing but the index."""
    return lambda: offer_views(request_for(query), query, OnSale(markets=markets, now_us=NOW_US))


def a_job(number: int) -> Job:
    """The `number`-th job, of a shape by seed."""
    chance = random.Random(SEED + number)
    wanted = AcceleratorRequest(type=chance.choice(TYPES), milli=chance.choice((1, 2, 4, 8)) * 1000)
    limits = Constraints(residency=("eu",)) if number % 3 == 0 else Constraints()
    workers = chance.choice((1, 1, 2, 4))
    return Job(
        id=JobId(f"j{number}"),
        number=number,
        name="train",
        queue=DEFAULT_QUEUE,
        user="ada",
        priority=0,
        request=Request(accelerators=(wanted,), cpu_milli=4000, memory_mib=8192, workers=workers, constraints=limits),
        document="{}",
        submitted_at_us=NOW_US,
    )


def put(cluster: Cluster, *facts: Fact) -> None:
    """Let facts happen."""
    for fact in facts:
        cluster.apply(Event(seq=cluster.seq + 1, at_us=NOW_US, fact=fact))


def waiting_work(pools: Sequence[PoolName], lines: int) -> Cluster:
    """A cluster with nothing but a node without accelerators, and work that waits for some."""
    plain = NodeShape(pool=PoolName("lab"), cpu_milli=64_000, memory_mib=1 << 18)
    cluster = Cluster()
    put(cluster, *(PoolConfigured(pool=Pool(name=name, provider="simulated")) for name in (PoolName("lab"), *pools)))
    put(cluster, QueueConfigured(queue=Queue(name=DEFAULT_QUEUE)), NodeReady(node=Node(id=NodeId("n1"), shape=plain)))
    put(cluster, *(JobSubmitted(job=a_job(number)) for number in range(1, lines + 1)))
    return cluster


def moved(cluster: Cluster, pools: Mapping[PoolName, PoolOffers]) -> Callable[[], object]:
    """A cycle after one pool's prices have moved."""
    one = next(iter(pools))

    def cycle() -> object:
        again = PoolOffers(pools[one].by_id.values())
        return decide(Snapshot(at_us=NOW_US, cluster=cluster, offers={**pools, one: again}))

    return cycle


def main() -> int:
    """Run it."""
    report = Report("offers")
    markets = some_offers(50_000, 40)
    peers = "SkyPilot's optimiser 300 ms for one task, gpuhunt's query 47 ms"
    spot = OfferQuery(accelerators=("H100:8",), capacity_types=(CapacityType.SPOT,))
    report.at_most("rank_ms", milliseconds(rank(markets, spot)), "ms", 10.0, peers)
    anything = OfferQuery(accelerators=("4",), residency=("eu",), max_price_usd="2")
    report.told("rank_any_type_ms", milliseconds(rank(markets, anything)), "ms")
    by_price = OfferQuery(accelerators=("H100:8",), by=OfferOrder.PRICE)
    report.told("rank_by_price_ms", milliseconds(rank(markets, by_price)), "ms")
    sold = some_offers(20 * 500, 20)
    pools = {PoolName(f"cloud-{number:02}"): market for number, market in enumerate(sold)}
    for lines, goal_ms in ((10, 5.0), (100, None)):
        cluster = waiting_work(tuple(pools), lines)
        snapshot = Snapshot(at_us=NOW_US, cluster=cluster, offers=pools)
        bought = [action.node for action in decide(snapshot).actions if isinstance(action, LaunchNode)]
        put(cluster, *(NodeRequested(node=node) for node in bought), JobSubmitted(job=a_job(lines + 1)))
        quiet = Snapshot(at_us=NOW_US, cluster=cluster)
        alone_ms = milliseconds(lambda quiet=quiet: decide(quiet))  # type: ignore[misc]
        busy_ms = milliseconds(moved(cluster, pools))
        if goal_ms is None:
            report.told(f"plan_{lines}_lines_ms", busy_ms - alone_ms, "ms", peers=f"with {len(bought)} nodes on order")
        else:
            what = f"{lines} lines on {len(bought)} nodes on order, one that buys, one pool's prices moved"
            report.at_most("plan_ms", busy_ms - alone_ms, "ms", goal_ms, what)
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
