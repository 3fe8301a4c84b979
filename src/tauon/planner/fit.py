"""Where a gang fits: all its workers in one pool on one accelerator type, on as few nodes as possible, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

import msgspec

from tauon.model.attempt import WorkerPlacement
from tauon.model.capacity import CapacityFork, Room
from tauon.model.ids import NodeId, PoolName
from tauon.model.node import NodeShape
from tauon.model.resources import MILLI, AcceleratorRequest, Request, Resources
from tauon.model.terrain import Terrain

NO_LIMIT = 1 << 60


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A place for a gang: what each worker gets, and where."""

    pool: str
    accelerator: str
    resources: Resources
    placement: tuple[WorkerPlacement, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """One way to serve a request: an alternative on the shapes of one pool that have one accelerator type."""

    pool: str
    accelerator: str
    resources: Resources
    shapes: tuple[NodeShape, ...]


@lru_cache(maxsize=1 << 15)
def choices(request: Request, terrain: Terrain) -> tuple[Choice, ...]:
    """The ways to serve a request, best first: by the order of its alternatives, then by price, then by name."""
    found: list[Choice] = []
    for number in range(max(1, len(request.accelerators))):
        wanted = request.accelerators[number] if request.accelerators else None
        groups: dict[tuple[str, str], list[NodeShape]] = {}
        for shape in terrain.shapes:
            if _accepts(request, wanted, shape) and _opens(wanted, shape.pool, terrain):
                groups.setdefault((shape.pool, shape.accelerator if wanted else ""), []).append(shape)
        ranked = sorted(groups.items(), key=lambda group: (_price(group[1][0], wanted), group[0]))
        for (pool, accelerator), members in ranked:
            # Without accelerators, plain nodes first: those with accelerators are for others.
            members.sort(key=lambda s: (s.accelerator_count > 0 and wanted is None, s.accelerator_count, s.cpu_milli))
            found.append(
                Choice(pool=pool, accelerator=accelerator, resources=request.resources(number), shapes=tuple(members))
            )
    return tuple(found)


def _price(shape: NodeShape, wanted: AcceleratorRequest | None) -> int:
    return shape.rates.accelerator_micro_usd if wanted else shape.rates.cpu_micro_usd


def _opens(wanted: AcceleratorRequest | None, pool: PoolName, terrain: Terrain) -> bool:
    if pool in terrain.closed:
        return False
    return wanted is None or wanted.milli >= MILLI or pool not in terrain.whole_only


def _accepts(request: Request, wanted: AcceleratorRequest | None, shape: NodeShape) -> bool:
    limits = request.constraints
    if wanted is not None and not wanted.accepts(shape.accelerator, shape.accelerator_memory_gib):
        return False
    if request.max_price_micro_usd is not None and _price(shape, wanted) > request.max_price_micro_usd:
        return False
    return (
        (not limits.pools or shape.pool in limits.pools)
        and (not limits.regions or shape.region in limits.regions)
        and (not limits.residency or any(label in shape.residency for label in limits.residency))
        and (not limits.capacity_types or shape.capacity_type in limits.capacity_types)
    )


def find(request: Request, ways: Sequence[Choice], view: CapacityFork) -> Fit | None:
    """The best place for the whole gang in what `view` has free, or None."""
    for way in ways:
        placement = _place_gang(request.workers, way, view)
        if placement is not None:
            return Fit(pool=way.pool, accelerator=way.accelerator, resources=way.resources, placement=placement)
    return None


def _place_gang(workers: int, way: Choice, view: CapacityFork) -> tuple[WorkerPlacement, ...] | None:
    """Fill the emptiest nodes while no single one holds all that is left, then the tightest one that does."""
    chosen: list[tuple[Room, int]] = []
    left = workers
    if workers > 1:
        for here, room in _emptiest_first(workers, way, view):
            if here >= left:
                break
            chosen.append((room, here))
            left -= here
    last = _tightest(left, way, view, frozenset(room.node for room, _ in chosen))
    if last is None:
        return None
    chosen.append((last, left))
    return tuple(worker for room, count in chosen for worker in _seats(room, count, way.resources))


def _emptiest_first(workers: int, way: Choice, view: CapacityFork) -> Iterator[tuple[int, Room]]:
    """Rooms with how many workers each holds: the most accelerators first; without any, the most seats first, but
    nodes with accelerators last, for those are for others."""
    least = way.resources.accelerator_milli // MILLI
    if way.resources.accelerator_milli == 0:
        seats = [(room.shape.accelerator_count, -here, room) for here, room in _rooms(workers, way, view)]
        seats.sort(key=lambda seat: seat[:2])
        yield from ((-here, room) for _, here, room in seats)
        return
    most = max(shape.accelerator_count for shape in way.shapes)
    for whole in range(most, least - 1, -1):
        for shape in way.shapes:
            if whole <= shape.accelerator_count:
                for room in view.bucket(shape, whole):
                    here = workers_that_fit(room, way.resources)
                    if here > 0:
                        yield here, room


def _rooms(workers: int, way: Choice, view: CapacityFork) -> Iterator[tuple[int, Room]]:
    for shape in way.shapes:
        for whole in range(shape.accelerator_count + 1):
            for room in view.bucket(shape, whole):
                here = min(workers, workers_that_fit(room, way.resources))
                if here > 0:
                    yield here, room


def _tightest(workers: int, way: Choice, view: CapacityFork, taken: AbstractSet[NodeId]) -> Room | None:
    """The node that holds all `workers` and has the fewest free accelerators; plain ones first where none are asked for."""
    want = way.resources
    milli = want.accelerator_milli
    least = 0 if milli < MILLI else workers * (milli // MILLI)
    most = max(shape.accelerator_count for shape in way.shapes)
    steps = (
        (shape, whole) for whole in range(least, most + 1) for shape in way.shapes if whole <= shape.accelerator_count
    )
    if milli == 0:
        steps = ((shape, whole) for shape in way.shapes for whole in range(shape.accelerator_count + 1))
    for shape, whole in steps:
        for room in view.bucket(shape, whole):
            if room.node not in taken and workers_that_fit(room, want) >= workers:
                return room
    return None


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


def _seats(room: Room, count: int, want: Resources) -> Iterator[WorkerPlacement]:
    """Which accelerators of a room each of `count` workers gets: whole ones in order, shares where they fit tightest."""
    milli = want.accelerator_milli
    if milli == 0:
        for _ in range(count):
            yield WorkerPlacement(node=room.node)
        return
    if milli >= MILLI:
        each = milli // MILLI
        indices = [i for i, free in enumerate(room.milli) if free == MILLI]
        for worker in range(count):
            yield WorkerPlacement(node=room.node, accelerators=tuple(indices[worker * each : (worker + 1) * each]))
        return
    free = list(room.milli)
    for _ in range(count):
        index = min((i for i, f in enumerate(free) if f >= milli), key=lambda i: (free[i], i))
        free[index] -= milli
        yield WorkerPlacement(node=room.node, accelerators=(index,), share_milli=milli)
