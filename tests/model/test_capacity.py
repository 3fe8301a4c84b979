"""The index of what is free and its what-ifs, against rooms that are counted anew whenever somebody looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.model.attempt import WorkerPlacement
from tauon.model.capacity import Capacity, CapacityFork
from tauon.model.errors import InvariantViolated
from tauon.model.ids import NodeId
from tauon.model.node import Node
from tauon.model.resources import MILLI, Resources
from tauon.model.room import Level, Room
from tests.builders import a_node

NODES = [a_node(f"n{i}", gpus=gpus, cpu_milli=4_000) for i, gpus in enumerate((2, 2, 3, 0))]
Held = dict[NodeId, list[tuple[WorkerPlacement, Resources]]]


def a_worker(node: Node, first: int, count: int, share: int) -> tuple[WorkerPlacement, Resources]:
    """A worker on a node: `count` accelerators from `first` on, or a share of the first."""
    size = node.shape.accelerator_count
    if not size or not count:
        return WorkerPlacement(node=node.id), Resources(cpu_milli=500)
    if share < MILLI:
        worker = WorkerPlacement(node=node.id, accelerators=(first % size,), share_milli=share)
        return worker, Resources(accelerator_milli=share, cpu_milli=500, memory_mib=100)
    indices = tuple(i for i in range(size) if i >= first % size)[:count]
    return WorkerPlacement(node=node.id, accelerators=indices), Resources(accelerator_milli=len(indices) * MILLI)


workers = st.builds(
    a_worker, st.sampled_from(NODES), st.integers(0, 2), st.integers(0, 3), st.sampled_from([250, 500, 1000])
)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("take"), workers),
        st.tuples(st.just("give"), st.integers(0, 30)),
        st.tuples(st.just("remove"), st.integers(0, 3)),
        st.tuples(st.just("add"), st.integers(0, 3)),
        st.tuples(st.just("fork"), st.none()),
    ),
    max_size=40,
)


def counted(node: Node, held: Held) -> Room:
    """What is free on a node, counted from what it holds."""
    room = Room(node.id, node.shape)
    for worker, amounts in held.get(node.id, ()):
        room.change(worker, amounts, -1)
    return room


def same(room: Room | None, expected: Room) -> bool:
    return room is not None and all(
        getattr(room, part) == getattr(expected, part)
        for part in ("milli", "whole", "cpu_milli", "memory_mib", "disk_mib")
    )


def agrees(view: Capacity | CapacityFork, there: dict[NodeId, Node], held: Held) -> None:
    assert {room.node for room in view.rooms()} == set(there)
    for node in there.values():
        assert same(view.room(node.id), counted(node, held))
    assert set(view.shapes) == {node.shape for node in there.values()}
    for shape in view.shapes:
        for whole in range(shape.accelerator_count + 1):
            expected = {n.id for n in there.values() if n.shape == shape and counted(n, held).whole == whole}
            assert {room.node for room in view.bucket(shape, whole)} == expected
            assert view.count(shape, whole) == len(expected)
        agrees_in_levels(view, [room for room in view.rooms() if room.shape == shape])


def agrees_in_levels(view: Capacity | CapacityFork, rooms: list[Room]) -> None:
    """Each node stands where its level says, and nowhere else, whichever way one comes to it."""
    shape = rooms[0].shape
    shelf = view.shelf(shape)
    levels: dict[Level, set[NodeId]] = {}
    for room in rooms:
        levels.setdefault(room.level(), set()).add(room.node)
    for level, nodes in levels.items():
        assert set(shelf.group(level) or ()) == nodes
        want = Resources(accelerator_milli=level.whole * MILLI, cpu_milli=level.cpu_milli, memory_mib=level.memory_mib)
        for rows in (shelf.row(level.whole, want), shelf.rows(want), shelf.rows(want, level.whole)):
            assert [set(levels[level]) for levels in rows if level in levels] == [nodes]
    listed = [entry for levels in shelf.rows(Resources()) for entry in levels.items()]
    wholes = [level.whole for level, _ in listed]
    assert wholes == sorted(wholes)
    assert len(listed) == len(levels)
    assert {level: set(nodes) for level, nodes in listed} == levels
    shares = {share for level in levels for share in level.shares}
    assert set(shelf.shares()) == shares
    for share in shares:
        found = [(level, set(nodes)) for level, nodes in shelf.with_share(share).items()]
        assert sorted(found) == sorted((level, nodes) for level, nodes in levels.items() if share in level.shares)


@given(moves)
def test_the_index_and_its_forks_agree_with_counting(taken: list[tuple[str, object]]) -> None:
    capacity = Capacity()
    there: dict[NodeId, Node] = {}
    held: Held = {}
    for node in NODES[:2]:
        capacity.add(node.id, node.shape)
        there[node.id] = node
    view: Capacity | CapacityFork = capacity
    for what, value in taken:
        match what, value:
            case "take", (WorkerPlacement() as worker, Resources() as amounts):
                known = there.get(worker.node)
                if known is not None:
                    trial = counted(known, held)
                    trial.change(worker, amounts, -1)
                    if not trial.fault():
                        view.change(worker, amounts, -1)
                        held.setdefault(worker.node, []).append((worker, amounts))
            case "give", int() as number:
                everything = [(node, i) for node in there for i in range(len(held.get(node, ())))]
                if everything:
                    node_id, at = everything[number % len(everything)]
                    worker, amounts = held[node_id].pop(at)
                    view.change(worker, amounts, +1)
            case "remove", int() as number if isinstance(view, Capacity):
                view.remove(NODES[number].id)
                there.pop(NODES[number].id, None)
                held.pop(NODES[number].id, None)
            case "add", int() as number if isinstance(view, Capacity) and NODES[number].id not in there:
                view.add(NODES[number].id, NODES[number].shape)
                there[NODES[number].id] = NODES[number]
            case "fork", None:
                base, before = view, {node: list(workers_) for node, workers_ in held.items()}
                agrees(base, there, before)
                view = view.fork()
            case _:
                continue
        agrees(view, there, held)


@given(st.lists(workers, max_size=12), st.lists(workers, max_size=6))
def test_a_what_if_leaves_what_it_is_about_alone(
    first: list[tuple[WorkerPlacement, Resources]], then: list[tuple[WorkerPlacement, Resources]]
) -> None:
    capacity = Capacity()
    held: Held = {}
    for node in NODES:
        capacity.add(node.id, node.shape)
    for worker, amounts in first:
        if capacity.take([worker], amounts) == "":
            held.setdefault(worker.node, []).append((worker, amounts))
    what_if = capacity.fork()
    for worker, amounts in then:
        what_if.change(worker, amounts, -1)
        what_if.hold(worker, amounts)
    agrees(capacity, {node.id: node for node in NODES}, held)


@given(st.lists(workers, max_size=12), workers)
def test_holding_takes_what_is_free_and_no_more(
    first: list[tuple[WorkerPlacement, Resources]], wanted: tuple[WorkerPlacement, Resources]
) -> None:
    capacity = Capacity()
    for node in NODES:
        capacity.add(node.id, node.shape)
    for worker, amounts in first:
        capacity.take([worker], amounts)
    what_if = capacity.fork()
    worker, amounts = wanted
    what_if.hold(worker, amounts)
    before, after = capacity.room(worker.node), what_if.room(worker.node)
    assert before is not None
    assert after is not None
    assert after.fault() == ""
    for index, (was, now) in enumerate(zip(before.milli, after.milli, strict=True)):
        assert now == (max(0, was - worker.share_milli) if index in worker.accelerators else was)
    assert after.whole == sum(free == MILLI for free in after.milli)
    assert after.cpu_milli == max(0, before.cpu_milli - amounts.cpu_milli)
    assert worker.node in (what_if.shelf(after.shape).group(after.level()) or ())


def test_a_gang_is_taken_whole_or_not_at_all() -> None:
    capacity = Capacity()
    capacity.add(NODES[0].id, NODES[0].shape)
    amounts = Resources(accelerator_milli=1000)
    gang = [WorkerPlacement(node=NODES[0].id, accelerators=(i,)) for i in (0, 1, 1)]
    assert "given twice" in capacity.take(gang, amounts)
    assert capacity.count(NODES[0].shape, 2) == 1
    assert capacity.take(gang[:2], amounts) == ""
    assert capacity.count(NODES[0].shape, 0) == 1


@pytest.mark.parametrize(
    ("worker", "amounts", "said"),
    [
        (WorkerPlacement(node=NodeId("n9")), Resources(), "takes no work"),
        (WorkerPlacement(node=NodeId("n0"), accelerators=(2,)), Resources(), "has no accelerators"),
        (WorkerPlacement(node=NodeId("n0"), accelerators=(-1,)), Resources(), "has no accelerators"),
        (WorkerPlacement(node=NodeId("n0")), Resources(cpu_milli=4_001), "more cores"),
        (WorkerPlacement(node=NodeId("n0")), Resources(memory_mib=2**40), "more cores, memory"),
        (WorkerPlacement(node=NodeId("n0")), Resources(disk_mib=2**40), "more cores, memory or disk"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_its_reason(
    worker: WorkerPlacement, amounts: Resources, said: str
) -> None:
    capacity = Capacity()
    capacity.add(NODES[0].id, NODES[0].shape)
    assert said in capacity.take([worker], amounts)
    agrees(capacity, {NODES[0].id: NODES[0]}, {})


def test_a_node_is_there_once() -> None:
    capacity = Capacity()
    capacity.add(NODES[0].id, NODES[0].shape)
    with pytest.raises(InvariantViolated, match="there already"):
        capacity.add(NODES[0].id, NODES[0].shape)


def test_the_total_is_what_takes_work() -> None:
    capacity = Capacity()
    for node in NODES:
        capacity.add(node.id, node.shape)
    assert capacity.total.accelerator_milli == 7_000
    capacity.remove(NODES[2].id)
    capacity.remove(NODES[2].id)
    assert capacity.total.accelerator_milli == 4_000


def test_what_others_hold_is_not_free_and_what_overlaps_is_taken_from_what_is_given_back() -> None:
    node = a_node("n1", gpus=4, cpu_milli=4_000)
    capacity = Capacity()
    capacity.add(node.id, node.shape)
    ours, amounts = WorkerPlacement(node=node.id, accelerators=(0, 1, 2)), Resources(cpu_milli=3_000)
    assert capacity.take([ours], amounts) == ""
    capacity.share(node.id, Resources(accelerator_milli=2_000, cpu_milli=2_000))
    room = capacity.room(node.id)
    assert room is not None
    assert (room.whole, room.milli, room.cpu_milli) == (0, [0, 0, 0, 0], 0)
    assert capacity.count(node.shape, 0) == 1
    capacity.change(ours, amounts, +1)
    assert (room.whole, room.milli, room.cpu_milli) == (2, [MILLI, MILLI, 0, 0], 2_000)
    assert capacity.count(node.shape, 2) == 1
    capacity.share(node.id, Resources())
    assert (room.whole, room.cpu_milli) == (4, 4_000)


def test_a_what_if_gives_back_to_others_first_and_leaves_the_room_as_it_was() -> None:
    node = a_node("n1", gpus=4)
    capacity = Capacity()
    capacity.add(node.id, node.shape)
    ours = WorkerPlacement(node=node.id, accelerators=(0, 1, 2, 3))
    assert capacity.take([ours], Resources()) == ""
    capacity.share(node.id, Resources(accelerator_milli=1_000))
    fork = capacity.fork()
    fork.change(ours, Resources(), +1)
    assert fork.count(node.shape, 3) == 1
    assert capacity.count(node.shape, 0) == 1
