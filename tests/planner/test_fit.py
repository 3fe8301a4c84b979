"""Where a gang fits: the tightest node, the fewest nodes, shares side by side, alternatives in order, within limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.model.attempt import WorkerPlacement
from tauon.model.capacity import Capacity, CapacityFork
from tauon.model.ids import NodeId, PoolName
from tauon.model.money import Rates
from tauon.model.node import Node
from tauon.model.resources import MILLI, AcceleratorRequest, CapacityType, Constraints, Request, Resources
from tauon.model.room import Room
from tauon.model.terrain import Terrain
from tauon.planner.fit import Fit, choices, find
from tauon.planner.misses import Misses
from tests.builders import a_node, a_request


def room_for(*nodes: Node, taken: dict[str, int] | None = None) -> CapacityFork:
    """What these nodes have free, less the first `taken` accelerators of some."""
    capacity = Capacity()
    for node in nodes:
        capacity.add(node.id, node.shape)
    for name, count in (taken or {}).items():
        worker = WorkerPlacement(node=NodeId(name), accelerators=tuple(range(count)))
        capacity.change(worker, a_request(gpus=count, cpu=0, memory_mib=0).resources(), -1)
    return capacity.fork()


NO_POOLS: frozenset[PoolName] = frozenset()


def fit(
    request: Request,
    view: CapacityFork,
    *,
    closed: frozenset[PoolName] = NO_POOLS,
    whole_only: frozenset[PoolName] = NO_POOLS,
) -> Fit | None:
    terrain = Terrain(shapes=tuple(view.shapes), closed=closed, whole_only=whole_only)
    return find(request, choices(request, terrain), view)


def nodes_of(found: Fit | None) -> list[str]:
    return [worker.node for worker in found.placement] if found else []


def test_the_node_with_the_least_left_over_is_taken() -> None:
    view = room_for(a_node("n1"), a_node("n2"), a_node("n3"), taken={"n2": 4, "n3": 6})
    assert nodes_of(fit(a_request(gpus=2), view)) == ["n3"]
    assert nodes_of(fit(a_request(gpus=3), view)) == ["n2"]
    assert nodes_of(fit(a_request(gpus=5), view)) == ["n1"]


def test_a_smaller_node_is_tighter_than_a_larger_one() -> None:
    view = room_for(a_node("big", gpus=8), a_node("small", gpus=4))
    assert nodes_of(fit(a_request(gpus=2), view)) == ["small"]


def test_a_gang_takes_as_few_nodes_as_possible_and_the_tightest_for_the_rest() -> None:
    view = room_for(a_node("n1"), a_node("n2"), a_node("n3"), a_node("n4"), taken={"n1": 6, "n3": 4})
    assert nodes_of(fit(a_request(gpus=1, workers=8), view)) == ["n2"] * 8
    assert nodes_of(fit(a_request(gpus=1, workers=10), view)) == ["n2"] * 8 + ["n1"] * 2
    assert nodes_of(fit(a_request(gpus=4, workers=5), view)) == ["n2", "n2", "n4", "n4", "n3"]


def test_a_gang_starts_whole_or_not_at_all() -> None:
    view = room_for(a_node("n1"), a_node("n2"))
    assert fit(a_request(gpus=8, workers=2), view) is not None
    assert fit(a_request(gpus=8, workers=3), view) is None
    assert fit(a_request(gpus=5, workers=3), view) is None


def test_a_gang_stays_in_one_pool_and_on_one_type() -> None:
    lab, cloud = a_node("n1"), a_node("n2", pool=PoolName("cloud"))
    old = a_node("n3", accelerator="A100")
    assert fit(a_request(gpus=8, workers=2, kinds=("H100", "A100")), room_for(lab, cloud, old)) is None
    another = a_node("n4", pool=PoolName("cloud"))
    assert nodes_of(fit(a_request(gpus=8, workers=2), room_for(lab, cloud, another))) == ["n2", "n4"]


def test_each_worker_gets_accelerators_of_its_own() -> None:
    found = fit(a_request(gpus=2, workers=3), room_for(a_node("n1"), taken={"n1": 1}))
    assert found is not None
    assert [worker.accelerators for worker in found.placement] == [(1, 2), (3, 4), (5, 6)]


def test_shares_fill_an_accelerator_before_they_open_another() -> None:
    view = room_for(a_node("n1", gpus=2))
    found = fit(a_request(gpus=0.25, workers=5), view)
    assert found is not None
    assert [worker.accelerators for worker in found.placement] == [(0,)] * 4 + [(1,)]
    assert {worker.share_milli for worker in found.placement} == {250}


def test_a_share_goes_where_it_leaves_the_least() -> None:
    capacity = Capacity()
    node = a_node("n1", gpus=3)
    capacity.add(node.id, node.shape)
    for index, share in ((0, 300), (1, 600)):
        worker = WorkerPlacement(node=node.id, accelerators=(index,), share_milli=share)
        assert capacity.take([worker], a_request(gpus=share / MILLI).resources()) == ""
    found = fit(a_request(gpus=0.4), capacity.fork())
    assert found is not None
    assert found.placement[0].accelerators == (1,)
    found = fit(a_request(gpus=0.5), capacity.fork())
    assert found is not None
    assert found.placement[0].accelerators == (0,)


def test_a_share_fits_on_a_node_with_no_whole_accelerator_left() -> None:
    capacity = Capacity()
    for name, share in (("n1", 500), ("n2", 0)):
        node = a_node(name, gpus=1)
        capacity.add(node.id, node.shape)
        if share:
            worker = WorkerPlacement(node=node.id, accelerators=(0,), share_milli=share)
            assert capacity.take([worker], a_request(gpus=0.5).resources()) == ""
    assert nodes_of(fit(a_request(gpus=0.5), capacity.fork())) == ["n1"]
    assert nodes_of(fit(a_request(gpus=0.6), capacity.fork())) == ["n2"]


def test_shares_go_only_to_pools_that_share() -> None:
    view = room_for(a_node("n1"))
    only_whole = frozenset({PoolName("lab")})
    assert fit(a_request(gpus=0.5), view, whole_only=only_whole) is None
    assert fit(a_request(gpus=1), view, whole_only=only_whole) is not None
    assert fit(a_request(gpus=0), view, whole_only=only_whole) is not None


def test_alternatives_are_tried_in_their_order() -> None:
    view = room_for(a_node("n1", accelerator="A100"), a_node("n2"), taken={"n2": 6})
    assert nodes_of(fit(a_request(gpus=2, kinds=("H100", "A100")), view)) == ["n2"]
    assert nodes_of(fit(a_request(gpus=2, kinds=("A100", "H100")), view)) == ["n1"]
    assert nodes_of(fit(a_request(gpus=4, kinds=("H100", "A100")), view)) == ["n1"]


def test_an_alternative_may_ask_for_another_number() -> None:
    few_large = AcceleratorRequest(type="H100", milli=2000)
    many_small = AcceleratorRequest(type="A100", milli=4000)
    found = fit(Request(accelerators=(few_large, many_small)), room_for(a_node("n1", accelerator="A100")))
    assert found is not None
    assert (found.accelerator, found.resources.accelerator_milli) == ("A100", 4000)


def test_a_requirement_of_memory_takes_any_type_that_has_it() -> None:
    small = a_node("n1", accelerator="T4", accelerator_memory_gib=16)
    large = a_node("n2", accelerator="A100", accelerator_memory_gib=40)
    wanted = Request(accelerators=(AcceleratorRequest(memory_gib_min=40),))
    assert nodes_of(fit(wanted, room_for(small, large))) == ["n2"]
    assert fit(wanted, room_for(small)) is None


def test_the_cheaper_pool_comes_first() -> None:
    dear = a_node("n1", rates=Rates(accelerator_micro_usd=3_000_000))
    cheap = a_node("n2", pool=PoolName("other"), rates=Rates(accelerator_micro_usd=1_000_000))
    assert nodes_of(fit(a_request(), room_for(dear, cheap))) == ["n2"]


def test_nothing_dearer_than_wanted_is_taken() -> None:
    view = room_for(a_node("n1", rates=Rates(accelerator_micro_usd=2_000_000, cpu_micro_usd=50_000)))
    assert fit(a_request(max_price_micro_usd=1_999_999), view) is None
    assert fit(a_request(max_price_micro_usd=2_000_000), view) is not None
    assert fit(a_request(gpus=0, max_price_micro_usd=49_999), view) is None
    assert fit(a_request(gpus=0, max_price_micro_usd=50_000), view) is not None


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        (Constraints(pools=("lab",)), True),
        (Constraints(pools=("other",)), False),
        (Constraints(regions=("eu-1", "eu-2")), True),
        (Constraints(regions=("us-1",)), False),
        (Constraints(residency=("eu", "ch")), True),
        (Constraints(residency=("ch",)), False),
        (Constraints(capacity_types=(CapacityType.SPOT,)), True),
        (Constraints(capacity_types=(CapacityType.OWNED,)), False),
        (Constraints(pools=("lab",), regions=("us-1",)), False),
    ],
)
def test_constraints(limits: Constraints, allowed: bool) -> None:
    view = room_for(a_node("n1", region="eu-1", residency=("eu", "gdpr"), capacity_type=CapacityType.SPOT))
    assert (fit(a_request(constraints=limits), view) is not None) == allowed


def test_a_closed_pool_takes_nothing() -> None:
    assert fit(a_request(), room_for(a_node("n1")), closed=frozenset({PoolName("lab")})) is None


def test_work_without_accelerators_leaves_nodes_with_some_to_others() -> None:
    plain, rich = a_node("plain", gpus=0, cpu_milli=8_000), a_node("rich", cpu_milli=64_000)
    view = room_for(rich, plain)
    assert nodes_of(fit(a_request(gpus=0, cpu=4), view)) == ["plain"]
    assert nodes_of(fit(a_request(gpus=0, cpu=16), view)) == ["rich"]
    assert nodes_of(fit(a_request(gpus=0, cpu=4, workers=2), view)) == ["plain"] * 2
    assert nodes_of(fit(a_request(gpus=0, cpu=4, workers=4), view)) == ["plain"] * 2 + ["rich"] * 2


def test_cores_memory_and_disk_count_too() -> None:
    view = room_for(a_node("n1", cpu_milli=4_000, memory_mib=8_192, disk_mib=100))
    assert fit(a_request(cpu=4, memory_mib=8_192, disk_mib=100), view) is not None
    assert fit(a_request(cpu=4.001), view) is None
    assert fit(a_request(memory_mib=8_193), view) is None
    assert fit(a_request(disk_mib=101), view) is None
    assert fit(a_request(cpu=3, workers=2), view) is None


def test_a_node_short_of_cores_is_passed_over_for_another() -> None:
    view = room_for(a_node("n1", gpus=2, cpu_milli=1_000), a_node("n2"))
    assert nodes_of(fit(a_request(gpus=2, cpu=2), view)) == ["n2"]
    assert nodes_of(fit(a_request(gpus=1, cpu=1, workers=9), view)) == ["n2"] * 8 + ["n1"]


# ------------------------------------------------------------------- against a naive search

small_nodes = st.lists(
    st.tuples(st.sampled_from(["H100", "A100", ""]), st.integers(1, 4), st.integers(0, 6), st.integers(0, 4)),
    min_size=1,
    max_size=4,
)
small_requests = st.builds(
    a_request,
    gpus=st.sampled_from([0, 0.25, 0.5, 1, 2, 3]),
    kinds=st.sampled_from([("H100",), ("A100", "H100")]),
    workers=st.integers(1, 4),
    cpu=st.sampled_from([0, 1, 2]),
    memory_mib=st.sampled_from([0, 1024]),
)


def some_room(described: list[tuple[str, int, int, int]]) -> CapacityFork:
    nodes = [
        a_node(f"n{i}", gpus=count if kind else 0, accelerator=kind, cpu_milli=cpu * MILLI, memory_mib=gib * 1024)
        for i, (kind, count, cpu, gib) in enumerate(described)
    ]
    return room_for(*nodes)


def left_over(room: Room) -> Resources:
    return Resources(
        accelerator_milli=10**9, cpu_milli=room.cpu_milli, memory_mib=room.memory_mib, disk_mib=room.disk_mib
    )


def seats(view: CapacityFork, request: Request, kind: str) -> int:
    """How many workers could sit on nodes of a type, tried one by one."""
    want, total = request.resources(), 0
    for room in view.rooms():
        if want.accelerator_milli and room.shape.accelerator != kind:
            continue
        left = room.copy()
        while total < 100:
            if want.accelerator_milli >= MILLI:
                indices = [i for i, free in enumerate(left.milli) if free == MILLI][: want.accelerator_milli // MILLI]
                worker = WorkerPlacement(node=left.node, accelerators=tuple(indices))
            else:
                indices = [i for i, free in enumerate(left.milli) if free >= want.accelerator_milli > 0][:1]
                worker = WorkerPlacement(
                    node=left.node, accelerators=tuple(indices), share_milli=want.accelerator_milli
                )
            if len(indices) * worker.share_milli != want.accelerator_milli or not want.fits_in(left_over(left)):
                break
            left.change(worker, want, -1)
            total += 1
    return total


@given(small_nodes, small_requests)
def test_a_place_is_found_exactly_when_there_is_one(
    described: list[tuple[str, int, int, int]], request: Request
) -> None:
    view = some_room(described)
    found = fit(request, view)
    kinds = [one.type for one in request.accelerators] or [""]
    assert (found is not None) == any(seats(view, request, kind) >= request.workers for kind in kinds)
    if found is not None:
        capacity = Capacity()
        for room in view.rooms():
            capacity.add(room.node, room.shape)
        assert capacity.take(found.placement, found.resources) == ""


@given(small_nodes, small_requests, small_requests)
def test_a_miss_covers_only_what_does_not_fit_either(
    described: list[tuple[str, int, int, int]], one: Request, other: Request
) -> None:
    view = some_room(described)
    terrain = Terrain(shapes=tuple(view.shapes))
    missed = Misses()
    if fit(one, view) is None:
        missed.add(one, choices(one, terrain))
        assert missed.covers(one, choices(one, terrain))
        if missed.covers(other, choices(other, terrain)):
            assert fit(other, view) is None
