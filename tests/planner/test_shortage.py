"""Why a request does not fit, in words that a person can act on."""

from __future__ import annotations

import pytest

from tauon.model.event import NodeDraining
from tauon.model.ids import NodeId, PoolName
from tauon.model.node import Node
from tauon.model.plan import WaitCode
from tauon.model.pool import Capabilities
from tauon.model.resources import Constraints, Request
from tauon.planner.fit import choices
from tauon.planner.shortage import infeasible, pool_shortage
from tests.builders import a_node, a_request
from tests.planner.board import Board, reason


def verdict(request: Request, *nodes: Node) -> str:
    board = Board(*nodes)
    return infeasible(request, board.cluster.fleet, board.snapshot())


def test_what_the_idle_fleet_holds_is_feasible_however_busy_it_is() -> None:
    board = Board()
    board.running(gpus=8)
    assert infeasible(a_request(gpus=8), board.cluster.fleet, board.snapshot()) == ""


def test_what_only_a_draining_node_holds_is_feasible_for_it_may_come_back() -> None:
    board = Board()
    board.put(NodeDraining(node_id=NodeId("n1"), reason="maintenance"))
    job = board.submit(gpus=8)
    assert infeasible(job.request, board.cluster.fleet, board.snapshot()) == ""
    assert reason(board.decide(), job).code is WaitCode.NO_NODE


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (a_request(gpus=9), "the largest node has H100:8, 64 CPU, 512 GiB (pool lab)"),
        (a_request(gpus=8, workers=3), "the largest that would is 2 x (H100:8, 1 CPU, 1 GiB) in pool lab"),
        (a_request(gpus=1, cpu=40, workers=3), "2 x (H100:1, 40 CPU, 1 GiB) in pool lab"),
        (a_request(gpus=1, kinds=("H200",)), "no pool has H200; there are H100"),
        (a_request(gpus=1, kinds=("H200", "B200")), "no pool has B200 or H200"),
        (a_request(gpus=0, cpu=65), "the largest node has"),
        (a_request(gpus=1, max_price_micro_usd=1), "look at its constraints, max_price"),
        (a_request(gpus=1, constraints=Constraints(pools=("elsewhere",))), "constraints"),
    ],
)
def test_the_largest_that_would_fit_and_where(request_: Request, said: str) -> None:
    message = verdict(request_, a_node("n1"), a_node("n2"))
    assert message.startswith(f"{request_} fits nowhere; ")
    assert said in message


def test_gangs_do_not_span_pools() -> None:
    nodes = [a_node(f"n{i}", pool=PoolName("lab" if i < 3 else "cloud")) for i in range(5)]
    message = verdict(a_request(gpus=8, workers=4), *nodes)
    assert "3 x (H100:8, 1 CPU, 1 GiB) in pool lab" in message


def test_an_empty_world() -> None:
    board = Board(a_node("n1"))
    assert infeasible(a_request(), {}, board.snapshot()).endswith("no pool has any node now")
    assert "no accelerator at all" in verdict(a_request(), a_node("n1", gpus=0))


def test_what_is_taken_by_others() -> None:
    board = Board()
    board.running(gpus=8)
    job = board.submit(gpus=4)
    why = reason(board.decide(), job)
    assert why.code is WaitCode.CAPACITY
    assert why.message == "H100:4, 1 CPU, 1 GiB is not free: H100 in lab taken by others"


def test_a_pool_that_does_not_answer_is_named() -> None:
    board = Board()
    board.closed = {PoolName("lab"): "connection refused"}
    job = board.submit(gpus=4)
    told = reason(board.decide(), job)
    assert told.code is WaitCode.NO_NODE
    assert told.message == "pool lab, which could hold it, does not answer: connection refused"


def test_a_share_that_no_pool_gives() -> None:
    board = Board()
    board.capabilities = {PoolName("lab"): Capabilities(shares_accelerators=False)}
    job = board.submit(gpus=0.5)
    assert reason(board.decide(), job).code is WaitCode.NO_NODE


def test_what_each_pool_lacks_in_numbers() -> None:
    board = Board(a_node("n1"), a_node("n2"))
    board.running(gpus=6)
    board.running(gpus=5)
    view = board.cluster.capacity.fork()
    request = a_request(gpus=4, workers=2)
    (way,) = choices(request, board.snapshot().terrain)
    assert pool_shortage(request, way, view) == (
        "2 H100 nodes take work; 5 H100 free in all, 3 at most on one node; 8 needed; room for 0 of 2 workers"
    )
    plain = a_request(gpus=0, cpu=60, workers=3)
    (way,) = choices(plain, board.snapshot().terrain)
    assert pool_shortage(plain, way, view) == "2 plain nodes take work; room for 2 of 3 workers"
