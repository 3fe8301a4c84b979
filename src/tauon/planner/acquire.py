"""Buy nodes for work that fits nowhere: the cheapest feasible mix of offers, within every limit, for whoever is first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from tauon.model.attempt import WorkerPlacement
from tauon.model.capacity import Capacity, CapacityFork
from tauon.model.ids import NodeId, OfferId, PoolName
from tauon.model.job import Job
from tauon.model.market import PoolOffers
from tauon.model.node import Node, NodeShape, NodeState
from tauon.model.offer import Offer
from tauon.model.plan import StartAttempt, WaitCode, WaitReason
from tauon.model.pool import Pool
from tauon.model.resources import MILLI, CapacityType, Request, Resources
from tauon.model.terrain import Terrain
from tauon.model.waiting import LineKey
from tauon.planner.draft import Draft
from tauon.planner.fit import choices, find
from tauon.planner.interruption import overhead, rate_per_h
from tauon.planner.offers import Option, options
from tauon.planner.order import Order
from tauon.planner.purse import Purse
from tauon.planner.quota import Claim, Quotas
from tauon.planner.spot import Where, prospect

BUYABLE = frozenset({WaitCode.CAPACITY, WaitCode.NO_NODE, WaitCode.RESERVED, WaitCode.ACQUIRING})
TURNS = 256  # workloads looked at in one plan; the next one, due at once, goes on with the rest


class Purchase(NamedTuple):
    """Nodes for one gang: how many of which offer."""

    lots: tuple[tuple[Option, int], ...]
    micro_usd_per_h: int

    @property
    def boot_s(self) -> float:
        return max(option.offer.boot_s for option, _ in self.lots)


def acquire(draft: Draft) -> None:
    """Serve the lines that wait for room in their order: first by what is coming already, then by what can be bought."""
    snapshot = draft.snapshot
    if not snapshot.offers and not snapshot.cluster.bought:
        return
    waiting = draft.waiting
    lines = [key for key in snapshot.cluster.waiting.lines if key in waiting and waiting[key].code in BUYABLE]
    moving = [job for job in map(snapshot.cluster.jobs.__getitem__, snapshot.cluster.live.moving) if job.attempt]
    if not lines and not moving:
        return
    order = Order(snapshot, quotas=draft.quotas, lines=lines)
    started = {action.attempt.job for action in draft.actions if isinstance(action, StartAttempt)}
    buyer = _Buyer(draft)
    for job in moving:
        buyer.prepare(job)
    for _ in range(TURNS):
        turn = order.next()
        if turn is None:
            return
        key, job, _ = turn
        if job.id in started:
            order.served(key, Resources())
            continue
        claim = buyer.serve(key, job)
        if claim is not None:
            order.served(key, job.request.resources() * job.request.workers, claim.accelerator)
    draft.look_again_at(snapshot.at_us)


def cheapest_purchase(draft: Draft, job: Job) -> Purchase | None:
    """What would be bought for a job if it had to be now; nothing is."""
    return _Buyer(draft).cheapest(job)


class _Buyer:
    """What is coming, and what the purse leaves, as the workloads take of it."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        cluster = draft.snapshot.cluster
        self._purse = Purse(cluster.pools, (cluster.nodes[node].shape for node in cluster.bought))
        self._coming = _coming(draft)
        self._number = 0

    def serve(self, key: LineKey, job: Job) -> Claim | None:
        """Let a workload count on what is coming, buying what it lacks; None, with the reason said, when that can't be."""
        claim = self._counts_on(job, self._coming.fork())
        if claim is not None:
            self._say(key, "nodes that are on their way will hold it")
            return claim
        purchase, why = self._choose(key, job)
        if purchase is None:
            if why:
                self._draft.waiting[key] = replace(self._draft.waiting[key], obstacle=why)
            return None
        self._buy(purchase, job)
        claim = self._counts_on(job, self._coming.fork())
        self._say(key, _told(purchase))
        return claim

    def prepare(self, job: Job) -> None:
        """Have room where a job that still runs elsewhere is to go on: it moves once that is there."""
        attempt = self._draft.snapshot.cluster.attempts.get(job.attempt) if job.attempt else None
        if attempt is None or attempt.pool in job.request.constraints.pools or attempt.id in self._draft.stopping:
            return
        if self._counts_on(job, self._coming.fork()) is None:
            purchase = self.cheapest(job)
            if purchase is not None:
                self._buy(purchase, job)
                self._counts_on(job, self._coming.fork())

    def cheapest(self, job: Job) -> Purchase | None:
        """What would be bought for a job if it had to be now."""
        return self._choose(LineKey(job.queue, job.priority, job.request), job)[0]

    def _buy(self, purchase: Purchase, job: Job) -> None:
        for option, count in purchase.lots:
            self._purse.buy(option.offer, count)
            for _ in range(count):
                node = self._node(option.offer)
                self._draft.launch(node, f"for {job.id}: {job.request}")
                self._coming.add(node.id, node.shape)

    def _counts_on(self, job: Job, view: CapacityFork) -> Claim | None:
        """Take room on what is coming for the whole gang, if there is enough."""
        ways = choices(job.request, Terrain(shapes=self._of_types(job.request), closed=self._draft.terrain.closed))
        fit = find(job.request, ways, view) if ways else None
        if fit is None:
            return None
        for worker in fit.placement:
            self._coming.change(worker, fit.resources, -1)
            self._draft.wanted[worker.node] = None
        milli = fit.resources.accelerator_milli * len(fit.placement)
        claim = Claim(job.queue, job.priority, fit.accelerator, milli, 0)
        self._draft.quotas.start(claim)
        return claim

    def _of_types(self, request: Request) -> tuple[NodeShape, ...]:
        """The shapes of what is coming that a request could want: few of many, so that it costs little to ask."""
        types = {wanted.type for wanted in request.accelerators}
        shapes = self._coming.shapes
        return tuple(shapes) if not types or "" in types else tuple(s for s in shapes if s.accelerator in types)

    def _node(self, offer: Offer) -> Node:
        self._number += 1
        number = self._draft.snapshot.cluster.seq + self._number
        return Node(
            id=NodeId(f"{offer.shape.pool}-n{number}"),
            shape=offer.shape,
            state=NodeState.REQUESTED,
            requested_at_us=self._draft.snapshot.at_us,
            offer=offer.id,
            virtual=offer.is_virtual,
        )

    def _say(self, key: LineKey, text: str) -> None:
        reason = self._draft.waiting.get(key)
        if reason is None or reason.code is not WaitCode.ACQUIRING:
            self._draft.waiting[key] = WaitReason(code=WaitCode.ACQUIRING, message=text)

    # ---------------------------------------------------------------- choosing

    def _choose(self, key: LineKey, job: Job) -> tuple[Purchase | None, str]:
        """The cheapest purchase for the whole gang, or why there is none.

        Groups come by what their cheapest offer costs for the work, which no purchase in them can undercut: once one is
        found that costs no more than that, it is the cheapest of all.
        """
        best: tuple[float, Purchase] | None = None
        obstacles: dict[str, None] = {}
        workers = job.request.workers
        work_us = self._draft.snapshot.outlook.remaining_us(job, 0)
        work_s = None if work_us is None else work_us / 1e6
        for group in self._in_time(job, self._groups(job.request, obstacles), obstacles):
            if best is not None and group.options[0].micro_usd_per_work * workers >= best[0]:
                break
            over = _over_quota(self._draft.quotas, key, group.options[0], workers)
            if over:
                obstacles[over] = None
                continue
            left = self._not_sold_out(group.options, obstacles)
            purchase = cover(workers, left, self._purse) if left else None
            if purchase is None:
                if left:
                    obstacles[self._scarce(left)] = None
                continue
            cost = _cost_of_work(purchase, left[0]) * self._overhead(job, purchase, work_s)
            if best is None or cost < best[0]:
                best = cost, purchase
        if best is None:
            return None, "; ".join(list(obstacles)[:3]) or f"no pool offers {job.request} within its constraints"
        return best[1], ""

    def _groups(self, request: Request, obstacles: dict[str, None]) -> Iterator[Group]:
        """What one gang may be bought as, over all pools, the cheapest for the work first."""
        snapshot = self._draft.snapshot
        for name in snapshot.offers:
            if name in snapshot.closed_pools:
                obstacles[f"pool {name} does not answer: {snapshot.closed_pools[name]}"] = None
        markets = (market for name, market in snapshot.offers.items() if name not in snapshot.closed_pools)
        return heapq.merge(*(groups(request, market) for market in markets), key=_cheapest)

    def _not_sold_out(self, group: Sequence[Option], obstacles: dict[str, None]) -> list[Option]:
        snapshot = self._draft.snapshot
        left = []
        for option in group:
            until_us = snapshot.sold_out.get(option.offer.id, 0)
            if until_us <= snapshot.at_us:
                left.append(option)
                continue
            self._draft.look_again_at(until_us)
            obstacles[f"{option.offer.id} had nothing left a short while ago"] = None
        return left

    def _in_time(self, job: Job, found: Iterator[Group], obstacles: dict[str, None]) -> Iterable[Group]:
        """What of these a job with a deadline should have now: spot while it can, what stays when it must."""
        if job.deadline_us is None:
            return found
        possible = list(found)
        stays = [group for group in possible if group.capacity_type is not CapacityType.SPOT]
        spot = [group for group in possible if group.capacity_type is CapacityType.SPOT]
        if not spot:
            return possible
        boot_s = max(option.offer.boot_s for group in stays or spot for option in group.options)
        there = {
            id_ for id_, until_us in self._draft.snapshot.sold_out.items() if until_us > self._draft.snapshot.at_us
        }
        offers = [option.offer for group in spot for option in group.options]
        has_spot = any(offer.id not in there and self._purse.affords(offer) for offer in offers)
        stands = prospect(job, self._draft.snapshot, boot_s=boot_s, has_spot=has_spot)
        if stands is None:
            return possible
        if stands.where is Where.ON_DEMAND:
            return stays or spot
        if stands.until_us is not None:
            self._draft.look_again_at(stands.until_us)
            if not has_spot:
                wait_s = (stands.until_us - self._draft.snapshot.at_us) / 1e6
                obstacles[f"its deadline lets it wait for spot; in {wait_s:.0f} s what stays is bought"] = None
        cheapest = spot[0].options[0].micro_usd_per_work
        return [group for group in possible if group in spot or group.options[0].micro_usd_per_work <= cheapest]

    def _overhead(self, job: Job, purchase: Purchase, work_s: float | None) -> float:
        """By what factor interruptions make the work dearer; any node that goes stops the whole gang."""
        seen = self._draft.snapshot.cluster.machines.exposure
        rate = sum(rate_per_h(o.offer, seen.get(o.offer.id)) * count for o, count in purchase.lots)
        return overhead(job, rate, boot_s=purchase.boot_s, work_s=work_s)

    def _scarce(self, group: Sequence[Option]) -> str:
        offer = group[0].offer
        return f"{offer.id}: {self._purse.why_not(offer) or 'fewer are left than the gang needs'}"


class Group(NamedTuple):
    """The options that may be mixed for one gang: those of one pool, accelerator type and amount, capacity type and
    region; the cheapest for the work first."""

    capacity_type: CapacityType
    options: tuple[Option, ...]


@lru_cache(maxsize=4096)
def groups(request: Request, market: PoolOffers) -> tuple[Group, ...]:
    """What one pool sells for a request, by what may be mixed; the group with the cheapest option first."""
    found: dict[tuple[object, ...], list[Option]] = {}
    for option in options(request, market):
        if option.offer.is_obtainable:
            shape = option.offer.shape
            kind = shape.accelerator, option.resources, shape.capacity_type, shape.region
            found.setdefault(kind, []).append(option)
    return tuple(Group(alike[0].offer.shape.capacity_type, tuple(alike)) for alike in found.values())


def _cheapest(group: Group) -> float:
    return group.options[0].micro_usd_per_work


def obtainable(request: Request, markets: Iterable[PoolOffers], pools: Mapping[PoolName, Pool]) -> bool:
    """Whether what a request asks for could ever be bought, were nothing bought yet."""
    purse = Purse(pools)
    for market in markets:
        for group in groups(request, market):
            stocked = [o._replace(offer=replace(o.offer, available=None)) for o in group.options]
            if cover(request.workers, stocked, purse):
                return True
    return False


def cover(workers: int, group: Sequence[Option], purse: Purse) -> Purchase | None:
    """Nodes for all workers from a group that is sorted by its price for the work: as many as are full of the cheapest,
    then for the rest the one node that is cheapest as a whole. None when there are too few; nothing is bought yet."""
    lots: dict[OfferId, tuple[Option, int]] = {}
    spare = purse.fork()

    def take(option: Option, count: int) -> None:
        spare.buy(option.offer, count)
        lots[option.offer.id] = option, lots.get(option.offer.id, (option, 0))[1] + count

    left = workers
    for option in group:
        if option.seats > left:
            continue
        count = min(spare.affords(option.offer), left // option.seats)
        if count:
            take(option, count)
            left -= count * option.seats
    while left > 0:
        rest = sorted(group, key=lambda o: (o.seats < left, o.offer.micro_usd_per_h, o.offer.id))
        last = next((option for option in rest if spare.affords(option.offer)), None)
        if last is None:
            return None
        take(last, 1)
        left -= last.seats
    bought = tuple(lots.values())
    return Purchase(bought, sum(option.offer.micro_usd_per_h * count for option, count in bought))


def _cost_of_work(purchase: Purchase, option: Option) -> float:
    """What the purchase costs an hour at the speed of an H100, interruptions counted in."""
    per_seat = option.micro_usd_per_work * option.seats
    speed = option.offer.micro_usd_per_h / per_seat if per_seat else 1.0
    return purchase.micro_usd_per_h / speed


def _over_quota(quotas: Quotas, key: LineKey, option: Option, workers: int) -> str:
    claim = Claim(
        key.queue,
        key.priority,
        option.offer.shape.accelerator if option.resources.accelerator_milli else "",
        option.resources.accelerator_milli * workers,
        0,
    )
    limit = quotas.exceeded(claim)
    return limit.text if limit else ""


def _coming(draft: Draft) -> Capacity:
    """Bought nodes with what is free on them, those on order included."""
    cluster = draft.snapshot.cluster
    coming = Capacity()
    for node_id in cluster.bought:
        node = cluster.nodes[node_id]
        if node.state is NodeState.REQUESTED:
            coming.add(node_id, node.shape)
            continue
        room = draft.free.room(node_id)
        if room is None:
            continue
        coming.add(node_id, node.shape)
        for index, milli in enumerate(room.milli):
            if milli < MILLI:
                held = WorkerPlacement(node=node_id, accelerators=(index,), share_milli=MILLI - milli)
                coming.change(held, Resources(), -1)
        shape = node.shape
        others = Resources(
            cpu_milli=shape.cpu_milli - room.cpu_milli,
            memory_mib=shape.memory_mib - room.memory_mib,
            disk_mib=shape.disk_mib - room.disk_mib,
        )
        coming.change(WorkerPlacement(node=node_id), others, -1)
    return coming


def _told(purchase: Purchase) -> str:
    parts = []
    for option, count in purchase.lots:
        shape = option.offer.shape
        what = (
            f"{shape.accelerator}:{shape.accelerator_count}" if shape.accelerator else f"{shape.cpu_milli // 1000} CPU"
        )
        parts.append(f"{count} x {what} ({shape.capacity_type}) in {shape.pool}")
    price = purchase.micro_usd_per_h / 1e6
    return f"{' and '.join(parts)} ordered for it at ${price:.2f} an hour; usually there in {purchase.boot_s:.0f} s"
