"""Why a request does not fit, in words: what is missing where, and the largest that would ever fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec.structs import replace

from tauon.model.capacity import CapacityFork
from tauon.model.ids import JobId, NodeId, PoolName
from tauon.model.node import NodeShape
from tauon.model.plan import WaitCode, WaitReason
from tauon.model.resources import MILLI, Request, Resources
from tauon.model.room import Room
from tauon.model.snapshot import Snapshot
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, choices, find, workers_that_fit


def shortage(request: Request, ways: Sequence[Choice], draft: Draft) -> WaitReason:
    """Why a request waits though all that is free has been looked at: cheap, for every line in every cycle."""
    if not ways:
        return _nowhere(request, draft.snapshot)
    kept = _kept_from_it(request, ways, draft)
    if kept:
        message = f"what is free and would do is kept for {', '.join(kept[:3])}, first in line for it"
        return WaitReason(code=WaitCode.RESERVED, message=message, waits_for=tuple(kept[:8]))
    return _taken(request, tuple(ways))


@lru_cache(maxsize=1 << 15)
def _taken(request: Request, ways: tuple[Choice, ...]) -> WaitReason:
    kinds = sorted({f"{way.accelerator or 'nodes'} in {way.pool}" for way in ways})
    return WaitReason(code=WaitCode.CAPACITY, message=f"{request} is not free: {', '.join(kinds[:4])} taken by others")


def _nowhere(request: Request, snapshot: Snapshot) -> WaitReason:
    ways = choices(request, replace(snapshot.terrain, closed=frozenset()))
    shut = [way.pool for way in ways if way.pool in snapshot.closed_pools]
    if shut:
        message = f"pool {shut[0]}, which could hold it, does not answer: {snapshot.closed_pools[PoolName(shut[0])]}"
        return WaitReason(code=WaitCode.NO_NODE, message=message)
    return WaitReason(code=WaitCode.NO_NODE, message=f"no node that takes work has {request}")


def _kept_from_it(request: Request, ways: Sequence[Choice], draft: Draft) -> list[JobId]:
    """The jobs whose reservations stand on the place that this would have otherwise."""
    fit = find(request, ways, draft.unreserved) if draft.kept else None
    if fit is None:
        return []
    here = {worker.node for worker in fit.placement}
    return [job for job, nodes in draft.kept.items() if not here.isdisjoint(nodes)]


def pool_shortage(request: Request, way: Choice, view: CapacityFork) -> str:
    """What one way of serving a request lacks now, in numbers; for a person who asked."""
    want = way.resources
    need = want.accelerator_milli * request.workers / MILLI
    free = best = seats = 0.0
    for shape in way.shapes:
        for whole in range(shape.accelerator_count + 1):
            for room in view.bucket(shape, whole):
                free += sum(room.milli) / MILLI
                best = max(best, float(room.whole))
                seats += min(request.workers, workers_that_fit(room, want))
    nodes = sum(view.count(s, w) for s in way.shapes for w in range(s.accelerator_count + 1))
    what = way.accelerator or "plain"
    parts = f"{nodes} {what} node{'s' * (nodes != 1)} take{'s' * (nodes == 1)} work"
    if want.accelerator_milli:
        parts += f"; {free:g} {what} free in all, {best:g} at most on one node; {need:g} needed"
    return f"{parts}; room for {seats:g} of {request.workers} worker{'s' * (request.workers != 1)}"


def infeasible(request: Request, fleet: Mapping[NodeShape, int], snapshot: Snapshot) -> str:
    """Empty if the fleet, were it idle, could hold the gang; else what would fit at most, and where."""
    ways = choices(request, replace(snapshot.terrain, shapes=tuple(fleet)))
    room_for = {
        way: sum(fleet[s] * workers_that_fit(Room(_NOWHERE, s), way.resources) for s in way.shapes) for way in ways
    }
    if any(count >= request.workers for count in room_for.values()):
        return ""
    partial = [(count, way) for way, count in room_for.items() if count]
    if partial:
        count, way = max(partial, key=lambda item: (item[0], item[1].pool))
        each = _text(way.resources, way.accelerator)
        return f"{request} fits nowhere; the largest that would is {count} x ({each}) in pool {way.pool}"
    return f"{request} fits nowhere; {_largest_node(request, fleet)}"


_NOWHERE = NodeId("")


def _text(want: Resources, accelerator: str) -> str:
    parts = [f"{accelerator}:{want.accelerator_milli / MILLI:g}"] if accelerator else []
    parts += [f"{want.cpu_milli / MILLI:g} CPU"] * bool(want.cpu_milli)
    parts += [f"{want.memory_mib / 1024:g} GiB"] * bool(want.memory_mib)
    return ", ".join(parts)


def _largest_node(request: Request, fleet: Mapping[NodeShape, int]) -> str:
    if not fleet:
        return "no pool has any node now"
    types = {a.type for a in request.accelerators if a.type}
    same = [s for s in fleet if s.accelerator in types] if types else list(fleet)
    if not same:
        has = sorted({s.accelerator for s in fleet if s.accelerator})
        return f"no pool has {' or '.join(sorted(types))}; there {'are' if has else 'is'} {', '.join(has) or 'no accelerator at all'}"
    best = max(same, key=lambda s: (s.accelerator_count, s.cpu_milli, s.memory_mib))
    return (
        f"the largest node has {_text(best.capacity, best.accelerator)} (pool {best.pool}); "
        "look at its constraints, max_price, cpu, memory and disk too"
    )
