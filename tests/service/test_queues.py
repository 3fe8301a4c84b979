"""Queues as people write them and as they are shown, and why a quota keeps somebody waiting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tauon.model.errors import ConfigError
from tauon.model.ids import QueueName
from tauon.model.plan import WaitCode
from tauon.model.queue import Queue
from tauon.service.config_file import read_config
from tauon.service.explain import explain
from tauon.service.queue_views import queue_views
from tests.builders import a_node, a_queue
from tests.planner.board import Board


def read(tmp_path: Path, text: str) -> dict[QueueName, Queue]:
    file = tmp_path / "tauon.yaml"
    file.write_text(text)
    return read_config(file).queue_nouns()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "queues:\n- {name: r, guarantee: {h100: 16}}\n- {name: r/a, guarantee: {H100: 8}}\n- {name: r/b, guarantee: {H100: 12}}",
            r"tauon.yaml:2:3: .*queue r is guaranteed 16 H100, but the queues below it 20 H100 together \(r/a 8, r/b 12\)",
        ),
        ("queues:\n- {name: r, borrow: no}", r":2:3: .*queue r may not borrow and has no guarantee"),
        (
            "queues:\n- {name: r, guarantee: {H100: 8}, maximum: {H100: 4}}",
            "guaranteed 8 H100, more than its maximum of 4",
        ),
        ("queues:\n- {name: r, guarantee: {H100: -3}}", "an amount of accelerators is a number such as 16, not -3"),
        ("queues:\n- {name: r, guarantee: {H100: 1, h100: 1}}", "H100 is given twice"),
        ("queues:\n- {name: r, max_usd_per_h: 1.1234567}", "at most six decimals"),
        ("queues:\n- {name: r, order: lifo}", "'fifo'"),
        ("half_life: 0", "a half-life is at least a second"),
    ],
)
def test_what_is_wrong_with_a_tree_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text)


def test_queues_above_are_there_and_the_least_run_is_inherited(tmp_path: Path) -> None:
    queues = read(tmp_path, "queues: [{name: a/b/c, min_run: 5m}, {name: a/b/c/d}]\nhalf_life: 1d")
    assert list(queues) == ["default", "a", "a/b", "a/b/c", "a/b/c/d"]
    assert [q.min_run_s for q in queues.values()] == [600.0, 600.0, 600.0, 300.0, 300.0]
    assert {q.half_life_s for q in queues.values()} == {86_400.0}


def test_what_a_queue_holds_and_borrows_is_shown_with_all_below_it() -> None:
    research = a_queue("research", weight=3.0, guarantee={"H100": 2_000}, max_micro_usd_per_h=20_000_000)
    board = Board(
        a_node("n1", gpus=8),
        queues=(research, a_queue("research/vision"), a_queue("product", guarantee={"H100": 9_000})),
    )
    board.running(gpus=4, queue="research/vision")
    board.submit(gpus=8, queue="product")
    board.wait(7 * 24 * 3600)
    views = {view.name: view for view in queue_views(board.cluster, board.now_us)}
    top = views["research"]
    assert (top.running, top.held, top.borrowed) == (1, {"H100": 4.0}, {"H100": 2.0})
    assert (top.share, top.recent_share, top.fair_share) == (0.5, 0.25, 0.75)
    assert top.max_usd_per_h == 20
    assert float(top.usd_per_h) == pytest.approx(8.034)
    assert views["product"].message == "9 H100 guaranteed, 8 there"
    assert views["research/vision"].fair_share == 0.75


def test_who_holds_a_quota_is_named() -> None:
    board = Board(a_node("n1"), queues=(a_queue(), a_queue("small", maximum={"H100": 4_000})))
    holder = board.running(gpus=3, queue=QueueName("small"))
    waits = board.submit(gpus=2, queue=QueueName("small"))
    plan = board.carry_out(board.decide())
    answer = explain(board.cluster.jobs[waits.id], board.cluster, plan, {}, board.now_us)
    assert answer.code is WaitCode.QUOTA
    assert answer.waits_for == [holder.id]
    assert "queue small is at its maximum of 4 H100" in answer.message
