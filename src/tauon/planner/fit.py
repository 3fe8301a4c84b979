"""Where a gang fits: all its workers in one pool on one accelerator type, on as few nodes as possible, or nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import islice
from operator import itemgetter

import msgspec
from msgspec.structs import replace

from tauon.model.attempt import Attempt, WorkerPlacement
from tauon.model.capacity import CapacityFork
from tauon.model.ids import NodeId, PoolName, attempt_id
from tauon.model.job import Job
from tauon.model.node import NodeShape
from tauon.model.resources import MILLI, AcceleratorRequest, Request, Resources
from tauon.model.room import Level, Room
from tauon.model.shelf import Levels
from tauon.model.terrain import Terrain
from tauon.planner.packing import NO_SCORE, Packing, Score, Scores, Tightest

NO_LIMIT = 1 << 60
# So many levels are compared at most once there is a place, the tightest first: enough to find a good one among a fleet
# on which no two nodes are alike.
LOOKS = 1 << 9
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


def on_node(request: Request, ways: Sequence[Choice], view: CapacityFork, node: NodeId) -> Fit | None:
    """A place for the whole gang on this node, or None."""
    room = view.room(node)
    for way in ways:
        if room is not None and room.shape in way.shapes and seats_at(room.level(), way.resources) >= request.workers:
            placement = tuple(_seats(view, node, request.workers, way.resources))
            return Fit(pool=way.pool, accelerator=way.accelerator, resources=way.resources, placement=placement)
    return None


def attempt_at(job: Job, fit: Fit, at_us: int) -> Attempt:
    """A job's next attempt, in this place."""
    number = job.attempts + 1
    return Attempt(
        id=attempt_id(job.id, number),
        job=job.id,
        number=number,
        pool=PoolName(fit.pool),
        accelerator=fit.accelerator,
        resources=fit.resources,
        placement=fit.placement,
        placed_at_us=at_us,
    )


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
            yield from _most_seats_first(workers, want, view.shelf(shape).rows(want))
        return
    most = max(shape.accelerator_count for shape in way.shapes)
    for whole in range(most, want.accelerator_milli // MILLI - 1, -1):
        for shape in way.shapes:
            if whole <= shape.accelerator_count:
                yield from _most_seats_first(workers, want, view.shelf(shape).row(whole, want))


def _most_seats_first(workers: int, want: Resources, rows: Iterable[Levels]) -> Iterator[tuple[int, Iterable[NodeId]]]:
    seats = [(-min(workers, seats_at(level, want)), level, nodes) for levels in rows for level, nodes in levels.items()]
    seats.sort(key=itemgetter(0, 1))
    for here, _, nodes in seats:
        if here:
            yield -here, nodes


def _on_one_node(
    workers: int, way: Choice, view: CapacityFork, taken: AbstractSet[NodeId], by: Packing
) -> Sequence[WorkerPlacement] | None:
    """Seats for all `workers`, with whole accelerators or none, on the node that is best for them together."""
    want = way.resources if workers == 1 else way.resources * workers
    scores, best, looks = by.scores(want), _Best(), 0
    for shape in way.shapes:
        for levels in view.shelf(shape).rows(want, want.accelerator_milli // MILLI):
            best.look(levels, scores, taken)
            looks += len(levels)
            # What follows has more whole accelerators left.
            if best.node is not None and (best.score[0] <= scores.least or looks >= LOOKS):
                break
        if best.node is not None and (
            looks >= LOOKS or (want.accelerator_milli == 0 and best.score[0] <= scores.least)
        ):
            break  # plain nodes come first, and what has accelerators is not opened where nothing is lost
    return None if best.node is None else _seats(view, best.node, workers, way.resources)


class _Best:
    """The best node so far."""

    __slots__ = ("node", "score")

    def __init__(self) -> None:
        self.node: NodeId | None = None
        self.score: Score = NO_SCORE

    def look(self, levels: Levels, scores: Scores, taken: AbstractSet[NodeId]) -> bool:
        """Whether these have a better one, which is the best from now on."""
        there: Iterable[Level] = levels
        if taken:
            there = [level for level, nodes in levels.items() if any(node not in taken for node in nodes)]
        if len(levels) <= LOOKS:
            level = min(there, key=scores.__getitem__, default=NO_LEVEL)
        else:
            rest = iter(there)
            level = min(islice(rest, LOOKS), key=scores.__getitem__, default=NO_LEVEL)
            if scores[level] == NO_SCORE:
                level = next((level for level in rest if scores[level] != NO_SCORE), NO_LEVEL)
        if level is NO_LEVEL or scores[level] >= self.score:
            return False
        self.score = scores[level]
        self.node = next(node for node in levels[level] if node not in taken)
        return True


def _parts_on_one_node(
    workers: int, way: Choice, view: CapacityFork, taken: AbstractSet[NodeId]
) -> Sequence[WorkerPlacement] | None:
    """Seats for several workers with a part of an accelerator each, on the node with the fewest whole ones."""
    want = way.resources
    levels = (
        (level, nodes)
        for shape in way.shapes
        for levels in view.shelf(shape).rows(want)
        for level, nodes in levels.items()
    )
    for level, nodes in sorted(levels, key=itemgetter(0)):
        if seats_at(level, want) >= workers:
            node = next((node for node in nodes if node not in taken), None)
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
    best, best_share, best_loss, looks = _Best(), 0, 0, 0
    for lost, share in sorted((loss(share, milli), share) for share in shares):
        if best.node is not None and (lost > best_loss or best.score[0] <= least or looks >= LOOKS):
            break
        scores = by.scores(want, share)
        for levels in _with_share(way, view, share):
            looks += len(levels)
            if best.look(levels, scores, taken):
                best_share, best_loss = share, lost
    if best.node is None:
        return None
    index = _room(view, best.node).milli.index(best_share)
    return [WorkerPlacement(node=best.node, accelerators=(index,), share_milli=milli)]


def _with_share(way: Choice, view: CapacityFork, share: int) -> Iterator[Levels]:
    for shape in way.shapes:
        if share < MILLI:
            yield view.shelf(shape).with_share(share)
        else:
            yield from view.shelf(shape).rows(way.resources, 1)


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
    if milli == MILLI and count == 1:
        return [WorkerPlacement(node=node, accelerators=(room.milli.index(MILLI),))]
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
