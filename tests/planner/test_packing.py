"""Which node a worker goes to: what is stranded, which shares go together, what is typical, and the known baselines."""

from __future__ import annotations

import itertools
import math
import os
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.packing import fill, nodes_beside, pods_of
from tauon.model.attempt import WorkerPlacement
from tauon.model.capacity import Capacity, CapacityFork
from tauon.model.demand import Demand, Typical
from tauon.model.node import Node
from tauon.model.packing import PackingRule
from tauon.model.resources import MILLI, Request, Resources
from tauon.model.room import Level
from tauon.model.terrain import Terrain
from tauon.planner.fit import Fit, choices, find
from tauon.planner.packing import FragmentationGradient, Largest, packing, rest, worth_of_shares
from tests.builders import a_node, a_request
from tests.planner.board import Board, started

SAMPLE = Path("examples/traces/openb.csv")
LARGEST = Largest(accelerator_milli=8000, cpu_milli=64_000)


def typical(*requests: Request) -> Typical:
    sizes = [request.resources() for request in requests]
    counts = {size: sizes.count(size) for size in sizes}
    return Typical(sizes=tuple(sorted(counts.items(), key=itemgetter(1), reverse=True)))


def room_for(*nodes: Node) -> Capacity:
    capacity = Capacity()
    for node in nodes:
        capacity.add(node.id, node.shape)
    return capacity


def placed(
    request: Request,
    view: CapacityFork,
    asked: Typical,
    rule: PackingRule = PackingRule.LEAST_STRANDED,
) -> Fit | None:
    terrain = Terrain(shapes=tuple(view.shapes))
    return find(request, choices(request, terrain), view, packing(rule, asked, terrain))


def give(view: Capacity | CapacityFork, found: Fit) -> None:
    for worker in found.placement:
        view.change(worker, found.resources, -1)


# ------------------------------------------------------------------- ours


def test_what_needs_few_cores_goes_where_cores_are_short() -> None:
    poor, rich = a_node("poor", cpu_milli=16_000), a_node("rich", cpu_milli=64_000)
    asked = typical(a_request(cpu=8), a_request(cpu=2))
    view = room_for(rich, poor).fork()
    found = placed(a_request(cpu=2), view, asked)
    assert found is not None
    assert found.placement[0].node == "poor"
    found = placed(a_request(cpu=8), view, asked)
    assert found is not None
    assert found.placement[0].node == "rich"


def test_work_without_accelerators_goes_where_none_lose_their_cores() -> None:
    full, free = a_node("full"), a_node("free")
    capacity = room_for(free, full)
    capacity.change(WorkerPlacement(node=full.id, accelerators=tuple(range(8))), Resources(cpu_milli=8000), -1)
    found = placed(a_request(gpus=0, cpu=16), capacity.fork(), typical(a_request(cpu=8)))
    assert found is not None
    assert found.placement[0].node == "full"


def test_shares_go_beside_those_that_they_fill_an_accelerator_with() -> None:
    node = a_node("n1", gpus=3)
    capacity = room_for(node)
    for index, share in ((0, 500), (1, 200)):
        worker = WorkerPlacement(node=node.id, accelerators=(index,), share_milli=share)
        capacity.change(worker, Resources(accelerator_milli=share), -1)
    # Whoever wants a half gets it of what is left of 0.8 too.
    asked = typical(*[a_request(gpus=0.5)] * 20, a_request(gpus=0.3))
    found = placed(a_request(gpus=0.3), capacity.fork(), asked)
    assert found is not None
    assert found.placement[0].accelerators == (1,)
    found = placed(a_request(gpus=0.5), capacity.fork(), asked)
    assert found is not None
    assert found.placement[0].accelerators == (0,)


def test_one_worker_goes_to_the_best_node_of_all_types_that_are_as_cheap() -> None:
    full, empty = a_node("full", accelerator="A100"), a_node("empty", accelerator="H100")
    view = room_for(empty, full).fork()
    view.change(WorkerPlacement(node=full.id, accelerators=tuple(range(7))), Resources(cpu_milli=7000), -1)
    found = placed(Request(accelerators=a_request(kinds=("",)).accelerators, cpu_milli=1000), view, typical())
    assert found is not None
    assert (found.placement[0].node, found.accelerator, found.pool) == ("full", "A100", "lab")


@given(st.dictionaries(st.integers(1, 999), st.integers(1, 50), max_size=6))
def test_what_is_free_is_worth_no_more_than_it_is_and_no_less_than_its_parts(counts: dict[int, int]) -> None:
    worth = worth_of_shares(counts)
    assert len(worth) == MILLI + 1
    assert worth[0] == 0
    assert max(worth) == worth[MILLI] <= MILLI + 1e-6
    for one, other in itertools.product(range(0, 500, 61), repeat=2):
        assert worth[one] + worth[other] <= worth[one + other] + 1e-9
    if counts == {500: counts.get(500)}:
        assert (worth[499], worth[500], worth[999], worth[MILLI]) == (0, 500, 500, 1000)


# ------------------------------------------------------------------- what is typical


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=60))
def test_what_is_typical_is_at_most_a_quarter_of_all_jobs_behind(moves: list[tuple[bool, int]]) -> None:
    sizes = [a_request(gpus=n, workers=n + 1) for n in range(4)]
    demand, there = Demand(), []
    for joins, number in moves:
        if joins:
            demand.join(sizes[number])
            there.append(number)
        elif number in there:
            demand.leave(sizes[number])
            there.remove(number)
    exact = {n: there.count(n) * (n + 1) for n in range(4) if n in there}
    seen = {size.accelerator_milli // MILLI: count for size, count in demand.typical.sizes}
    behind = sum(abs(exact.get(n, 0) - seen.get(n, 0)) / (n + 1) for n in range(4))
    assert behind <= max(1, len(there) / 4)
    assert [count for _, count in demand.typical.sizes] == sorted(seen.values(), reverse=True)


def test_the_planner_learns_the_mix_from_what_waits_and_runs() -> None:
    board = Board(a_node("rich", cpu_milli=64_000), a_node("poor", cpu_milli=16_000))
    small = board.submit(request=a_request(cpu=1))
    for _ in range(3):
        board.submit(request=a_request(cpu=8))
    plan = board.carry_out(board.decide())
    assert len(started(plan)) == 4
    assert board.attempt(small).placement[0].node == "poor"
    alone = Board(a_node("rich", cpu_milli=64_000), a_node("poor", cpu_milli=4_000))
    assert alone.cluster.demand.typical == Typical()


# ------------------------------------------------------------------- every rule

mixes = st.lists(
    st.builds(
        a_request,
        gpus=st.sampled_from([0, 0.2, 0.25, 0.5, 0.7, 1, 2]),
        workers=st.integers(1, 3),
        cpu=st.sampled_from([0, 1, 2, 5]),
        memory_mib=st.sampled_from([0, 1024, 4096]),
    ),
    min_size=1,
    max_size=25,
)


@given(mixes, st.sampled_from(PackingRule))
def test_no_rule_gives_more_than_there_is(mix: list[Request], rule: PackingRule) -> None:
    nodes = [a_node(f"n{i}", gpus=i, cpu_milli=6000, memory_mib=8192, disk_mib=0) for i in range(4)]
    capacity, exact, asked = room_for(*nodes), room_for(*nodes), typical(*mix)
    view = capacity.fork()
    for request in mix:
        found = placed(request, view, asked, rule)
        if found is not None:
            give(view, found)
            assert exact.take(found.placement, found.resources) == ""
        else:
            assert placed(request, exact.fork(), asked, PackingRule.BEST_FIT) is None


@given(mixes, st.sampled_from(PackingRule))
def test_equal_states_give_equal_places(mix: list[Request], rule: PackingRule) -> None:
    """What-ifs over what-ifs, rooms given and taken back again, and scores known already change nothing."""
    nodes = [a_node(f"n{i}", gpus=4 - i % 2, cpu_milli=12_000, memory_mib=16384) for i in range(4)]
    capacity, asked = room_for(*nodes), typical(*mix)
    for request in mix[:-1]:
        found = placed(request, capacity.fork(), asked, rule)
        if found is not None:
            give(capacity, found)
    other = capacity.fork()
    for room in list(capacity.rooms()):
        if room.whole:
            worker = WorkerPlacement(node=room.node, accelerators=(room.milli.index(MILLI),))
            other.change(worker, Resources(), -1)
            other.change(worker, Resources(), +1)
    one, two = placed(mix[-1], capacity.fork(), asked, rule), placed(mix[-1], other.fork(), asked, rule)
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert [level_of(capacity, w) for w in one.placement] == [level_of(capacity, w) for w in two.placement]


def level_of(capacity: Capacity, worker: WorkerPlacement) -> Level:
    room = capacity.room(worker.node)
    assert room is not None
    return room.level()


def test_rest_is_what_is_left() -> None:
    level = Level(2, 8000, 4096, 100, (300, 300, 700))
    want = Resources(accelerator_milli=300, cpu_milli=1000, memory_mib=96)
    assert rest(level, want, 700) == Level(2, 7000, 4000, 100, (300, 300, 400))
    assert rest(level, want, 300) == Level(2, 7000, 4000, 100, (300, 700))
    assert rest(level, want, MILLI) == Level(1, 7000, 4000, 100, (300, 300, 700, 700))
    assert rest(level, Resources(accelerator_milli=2000)) == Level(0, 8000, 4096, 100, (300, 300, 700))
    assert rest(level, Resources(accelerator_milli=3000)) is None
    assert rest(level, Resources(disk_mib=101)) is None


# ------------------------------------------------------------------- baselines


def test_fgd_counts_what_typical_workers_cannot_use() -> None:
    asked = typical(*[a_request(gpus=1, cpu=1)] * 3, *[a_request(gpus=0.5, cpu=4)] * 3)
    rule = FragmentationGradient(asked, LARGEST)
    # A half that is free: of no use to whoever wants a whole; with two cores, to nobody.
    full = Level(0, 8000, 8192, 0)
    score = rule.score(Level(0, 8000, 8192, 0, (500,)), full)
    assert score[0] == -(100 // (1 + math.exp(-0.25)))
    score = rule.score(Level(0, 2000, 8192, 0, (500,)), full)
    assert score[0] == -(100 // (1 + math.exp(-0.5)))


@pytest.mark.parametrize("rule", PackingRule)
def test_the_sample_fills_up(rule: PackingRule) -> None:
    found = fill(nodes_beside(SAMPLE), pods_of(SAMPLE), rule, seed=1)
    assert 80 < found.allocated_pct <= 100
    assert fill(nodes_beside(SAMPLE), pods_of(SAMPLE), rule, seed=1)[:2] == found[:2]


def test_ours_fills_nodes_better_than_best_fit() -> None:
    nodes = [a_node(f"n{i}", cpu_milli=(48 + 16 * (i % 4)) * MILLI, memory_mib=512 * 1024) for i in range(40)]
    pods = [a_request(gpus=0, cpu=6)] * 4 + [a_request(gpus=1, cpu=cpu) for cpu in (2, 6, 8, 10)] * 3
    pods += [a_request(gpus=share, cpu=cpu) for share in (0.3, 0.45, 0.55, 0.7) for cpu in (1, 4, 8)]
    pods += [a_request(gpus=count, cpu=8 * count) for count in (2, 4, 8)]
    ours = [fill(nodes, pods, PackingRule.LEAST_STRANDED, seed).allocated_pct for seed in range(5)]
    theirs = [fill(nodes, pods, PackingRule.BEST_FIT, seed).allocated_pct for seed in range(5)]
    assert sum(ours) > sum(theirs)


def test_the_whole_cluster_gets_as_full_as_promised() -> None:
    path = Path(os.environ.get("TAUON_DATA", "")) / "openb" / "openb_pod_list_default.csv"
    if not path.is_file():
        pytest.skip("set TAUON_DATA to the folder that has openb/openb_pod_list_default.csv")
    assert fill(nodes_beside(path), pods_of(path), PackingRule.LEAST_STRANDED, seed=0).allocated_pct >= 95.4
