"""Where a gang fits: all its workers in one pool on one accelerator type, on as few nodes as possible, or nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain, islice
from operator import itemgetter

import msgspec
from msgspec.structs import replace

from tauon.model.attempt import WorkerPlacement
from tauon.model.capacity import CapacityFork
from tauon.model.ids import NodeId, PoolName
from tauon.model.node import NodeShape
from tauon.model.resources import MILLI, AcceleratorRequest, Request, Resources
from tauon.model.room import Level, Room
from tauon.model.shelf import Shelf
from tauon.model.terrain import Terrain
from tauon.planner.packing import Packing, Score, Tightest

NO_LIMIT = 1 << 60
# So many levels are compared at most once there is a place, the tightest first: enough to find a good one among a fleet
# on which no two nodes are alike.
LOOKS = 1 << 9
NO_SCORE: Score = (math.inf,)
NO_LEVEL = Level(NO_LIMIT, 0, 0, 0)
TIGHTEST = Packing(Tightest())


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A place for a gang: what each worker gets, and where."""

    pool: str
    accelerator: str
    resources: Resources
    placement: tuple[WorkerPlacement, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """One way to serve a request: an alternative on the shapes of one pool that have one accelerator type. Ways with the
    same `rank` are equally welcome."""

    pool: str
    accelerator: str
    resources: Resources
    shapes: tuple[NodeShape, ...]
    rank: tuple[int, int] = (0, 0)


@lru_cache(maxsize=1 << 15)
def choices(request: Request, terrain: Terrain) -> tuple[Choice, ...]:
    """The ways to serve a request, best first: by the order of its alternatives, then by price, then by name."""
    found: list[Choice] = []
    for number in range(max(1, len(request.accelerators))):
        wanted = request.accelerators[number] if request.accelerators else None
        groups: dict[tuple[str, str], list[NodeShape]] = {}
        for shape in terrain.shapes:
            if serves(request, wanted, shape) and _opens(wanted, shape.pool, terrain):
                groups.setdefault((shape.pool, shape.accelerator if wanted else ""), []).append(shape)
        ranked = sorted(groups.items(), key=lambda group: (price_each(group[1][0], wanted), group[0]))
        for (pool, accelerator), members in ranked:
            # Without accelerators, plain nodes first: those with accelerators are for others.
            rank = number, price_each(members[0], wanted)
            shapes = _tightest_first(members)
            resources = request.resources(number)
            found.append(Choice(pool=pool, accelerator=accelerator, resources=resources, shapes=shapes, rank=rank))
    return tuple(found)


def _tightest_first(shapes: Iterable[NodeShape]) -> tuple[NodeShape, ...]:
    """Plain nodes first: those with accelerators are for others."""
    return tuple(sorted(shapes, key=lambda shape: (shape.accelerator_count, shape.cpu_milli)))


@lru_cache(maxsize=1 << 15)
def side_by_side(ways: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """For one worker, equally welcome ways are one: it goes to the best node of all of them."""
    by_rank: dict[tuple[int, int], list[Choice]] = {}
    for way in ways:
        by_rank.setdefault(way.rank, []).append(way)
    return tuple(
        replace(alike[0], shapes=_tightest_first(shape for way in alike for shape in way.shapes))
        if len(alike) > 1
        else alike[0]
        for alike in by_rank.values()
    )


def price_each(shape: NodeShape, wanted: AcceleratorRequest | None) -> int:
    return shape.rates.accelerator_micro_usd if wanted else shape.rates.cpu_micro_usd


def _opens(wanted: AcceleratorRequest | None, pool: PoolName, terrain: Terrain) -> bool:
    if pool in terrain.closed:
        return False
    return wanted is None or wanted.milli >= MILLI or pool not in terrain.whole_only


def serves(request: Request, wanted: AcceleratorRequest | None, shape: NodeShape) -> bool:
    limits = request.constraints
    if wanted is not None and not wanted.accepts(shape.accelerator, shape.accelerator_memory_gib):
        return False
    if request.max_price_micro_usd is not None and price_each(shape, wanted) > request.max_price_micro_usd:
        return False
    return (
        (not limits.pools or shape.pool in limits.pools)
        and (not limits.regions or shape.region in limits.regions)
        and (not limits.residency or any(label in shape.residency for label in limits.residency))
        and (not limits.capacity_types or shape.capacity_type in limits.capacity_types)
    )


def find(request: Request, ways: Sequence[Choice], view: CapacityFork, by: Packing = TIGHTEST) -> Fit | None:
    """The best place for the whole gang in what `view` has free, or None.

    One worker, or the rest of a gang on one node, goes where `by` says; the nodes before that are the emptiest.
    """
    for way in side_by_side(tuple(ways)) if request.workers == 1 else ways:
        placement = _place_gang(request.workers, way, view, by)
        if placement is not None:
            shape = _room(view, placement[0].node).shape
            accelerator = shape.accelerator if way.resources.accelerator_milli else ""
            return Fit(pool=shape.pool, accelerator=accelerator, resources=way.resources, placement=placement)
    return None


def _room(view: CapacityFork, node: NodeId) -> Room:
    room = view.room(node)
    assert room is not None, "it was found in the index"
    return room


def _place_gang(workers: int, way: Choice, view: CapacityFork, by: Packing) -> tuple[WorkerPlacement, ...] | None:
    """Fill the emptiest nodes while no single one holds all that is left, then the one that is best for the rest."""
    placed: list[WorkerPlacement] = []
    taken: set[NodeId] = set()
    left = workers
    if workers > 1:
        for here, nodes in _emptiest_first(workers, way, view):
            if here >= left:
                break
            for node in islice(nodes, (left - 1) // here):
                taken.add(node)
                placed += _seats(view, node, here, way.resources)
                left -= here
    if not 0 < way.resources.accelerator_milli < MILLI:
        last = _on_one_node(left, way, view, taken, by)
    elif left > 1:
        last = _parts_on_one_node(left, way, view, taken)
    else:
        last = _part_of_one(way, view, taken, by)
    return None if last is None else (*placed, *last)


def _emptiest_first(workers: int, way: Choice, view: CapacityFork) -> Iterator[tuple[int, Iterable[NodeId]]]:
    """How many workers nodes hold, and which nodes: the most accelerators first; without any, the most seats first, but
    nodes with accelerators last, for those are for others."""
    want = way.resources
    if want.accelerator_milli == 0:
        for shape in way.shapes:
            yield from _most_seats_first(workers, way, view.shelf(shape), range(shape.accelerator_count + 1))
        return
    for whole, shape in _emptiest_rows(way, want.accelerator_milli // MILLI):
        yield from _most_seats_first(workers, way, view.shelf(shape), (whole,))


def _most_seats_first(
    workers: int, way: Choice, shelf: Shelf, wholes: Iterable[int]
) -> Iterator[tuple[int, Iterable[NodeId]]]:
    want = way.resources
    levels = chain.from_iterable(shelf.levels(whole, want.cpu_milli, want.memory_mib) for whole in wholes)
    seats = [(-min(workers, seats_at(level, want)), level, nodes) for level, nodes in levels]
    seats.sort(key=itemgetter(0, 1))
    for here, _, nodes in seats:
        if here:
            yield -here, nodes


@lru_cache(maxsize=1 << 15)
def _rows(way: Choice, least: int) -> tuple[tuple[int, NodeShape], ...]:
    """The shapes by how many accelerators are wholly free, tightest first; without accelerators, shape by shape."""
    if way.resources.accelerator_milli == 0:
        return tuple((whole, shape) for shape in way.shapes for whole in range(shape.accelerator_count + 1))
    most = max(shape.accelerator_count for shape in way.shapes)
    steps = range(least, most + 1)
    return tuple((whole, shape) for whole in steps for shape in way.shapes if whole <= shape.accelerator_count)


@lru_cache(maxsize=1 << 15)
def _emptiest_rows(way: Choice, least: int) -> tuple[tuple[int, NodeShape], ...]:
    return tuple(sorted(_rows(way, least), key=itemgetter(0), reverse=True))


def _on_one_node(
    workers: int, way: Choice, view: CapacityFork, taken: AbstractSet[NodeId], by: Packing
) -> Sequence[WorkerPlacement] | None:
    """Seats for all `workers`, with whole accelerators or none, on the node that is best for them together."""
    want = way.resources if workers == 1 else way.resources * workers
    best, best_score, best_level, looks = None, NO_SCORE, NO_LEVEL, 0
    known, least = by.known(want), by.rule.least(want)
    for whole, shape in _rows(way, want.accelerator_milli // MILLI):
        for level, nodes in view.shelf(shape).levels(whole, want.cpu_milli, want.memory_mib):
            score = known.get(level)
            if score is None:
                score = known[level] = by.score(level, want)
            looks += 1
            if score and (score < best_score or (score == best_score and level < best_level)):
                node = _first(nodes, taken)
                if node is not None:
                    best, best_score, best_level = node, score, level
            if looks >= LOOKS and best is not None:
                break
        if best is not None and (best_score[0] <= least or looks >= LOOKS):
            break
    return None if best is None else _seats(view, best, workers, way.resources)


def _first(nodes: Iterable[NodeId], taken: AbstractSet[NodeId]) -> NodeId | None:
    if not taken:
        return next(iter(nodes))
    return next((node for node in nodes if node not in taken), None)


def _parts_on_one_node(
    workers: int, way: Choice, view: CapacityFork, taken: AbstractSet[NodeId]
) -> Sequence[WorkerPlacement] | None:
    """Seats for several workers with a part of an accelerator each, on the node with the fewest whole ones."""
    want = way.resources
    for whole, shape in _rows(way, 0):
        levels = view.shelf(shape).levels(whole, want.cpu_milli, want.memory_mib)
        for level, nodes in sorted(levels, key=itemgetter(0)):
            node = _first(nodes, taken) if seats_at(level, want) >= workers else None
            if node is not None:
                return _seats(view, node, workers, want)
    return None


def _part_of_one(
    way: Choice, view: CapacityFork, taken: AbstractSet[NodeId], by: Packing
) -> Sequence[WorkerPlacement] | None:
    """A seat for one worker with a part of an accelerator: on one of which giving it loses least, as `by` sees it."""
    want, loss = way.resources, by.rule.loss
    milli, least = want.accelerator_milli, by.rule.least(want)
    shares = {share for shape in way.shapes for share in view.shelf(shape).shares() if share >= milli} | {MILLI}
    best, best_share, best_score, best_level, best_loss, looks = None, 0, NO_SCORE, NO_LEVEL, 0, 0
    for lost, share in sorted((loss(share, milli), share) for share in shares):
        if best is not None and (lost > best_loss or best_score[0] <= least or looks >= LOOKS):
            break
        known = by.known(want, share)
        for level, nodes in _with_share(way, view, share):
            score = known.get(level)
            if score is None:
                score = known[level] = by.score(level, want, share)
            looks += 1
            if score and (score < best_score or (score == best_score and share == best_share and level < best_level)):
                node = _first(nodes, taken)
                if node is not None:
                    best, best_share, best_score, best_level, best_loss = node, share, score, level, lost
            if best is not None and looks >= LOOKS:
                break
    if best is None:
        return None
    index = _room(view, best).milli.index(best_share)
    return [WorkerPlacement(node=best, accelerators=(index,), share_milli=milli)]


def _with_share(way: Choice, view: CapacityFork, share: int) -> Iterator[tuple[Level, Iterable[NodeId]]]:
    if share < MILLI:
        for shape in way.shapes:
            yield from view.shelf(shape).with_share(share)
        return
    want = way.resources
    for whole, shape in _rows(way, 1):
        yield from view.shelf(shape).levels(whole, want.cpu_milli, want.memory_mib)


def seats_at(level: Level, want: Resources) -> int:
    """How many workers of this size fit on a node at a level."""
    count = NO_LIMIT
    milli = want.accelerator_milli
    if milli >= MILLI:
        count = level.whole // (milli // MILLI)
    elif milli:
        count = level.whole * (MILLI // milli)
        for share in level.shares:
            count += share // milli
    if want.cpu_milli:
        count = min(count, level.cpu_milli // want.cpu_milli)
    if want.memory_mib:
        count = min(count, level.memory_mib // want.memory_mib)
    if want.disk_mib:
        count = min(count, level.disk_mib // want.disk_mib)
    return count


def workers_that_fit(room: Room, want: Resources) -> int:
    """How many workers of this size fit in a room."""
    count = NO_LIMIT
    milli = want.accelerator_milli
    if milli >= MILLI:
        count = room.whole // (milli // MILLI)
    elif milli:
        count = sum(free // milli for free in room.milli)
    if want.cpu_milli:
        count = min(count, room.cpu_milli // want.cpu_milli)
    if want.memory_mib:
        count = min(count, room.memory_mib // want.memory_mib)
    if want.disk_mib:
        count = min(count, room.disk_mib // want.disk_mib)
    return count


def _seats(view: CapacityFork, node: NodeId, count: int, want: Resources) -> Sequence[WorkerPlacement]:
    """Which accelerators of a node each of `count` workers gets: whole ones in order, shares where they fit tightest."""
    milli = want.accelerator_milli
    if milli == 0:
        return [WorkerPlacement(node=node)] * count
    room = _room(view, node)
    if milli >= MILLI:
        each = milli // MILLI
        if room.whole == each * count == len(room.milli):
            return [WorkerPlacement(node=node, accelerators=mine) for mine in _all_of(count, each)]
        indices = [i for i, free in enumerate(room.milli) if free == MILLI]
        return [
            WorkerPlacement(node=node, accelerators=tuple(indices[worker * each : (worker + 1) * each]))
            for worker in range(count)
        ]
    free, placed = list(room.milli), []
    for _ in range(count):
        index = min((i for i, f in enumerate(free) if f >= milli), key=lambda i: (free[i], i))
        free[index] -= milli
        placed.append(WorkerPlacement(node=node, accelerators=(index,), share_milli=milli))
    return placed


@lru_cache(maxsize=1 << 10)
def _all_of(count: int, each: int) -> tuple[tuple[int, ...], ...]:
    """The accelerators of an empty node, shared out among so many workers."""
    return tuple(tuple(range(worker * each, (worker + 1) * each)) for worker in range(count))
