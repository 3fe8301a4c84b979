"""Scores of worlds that are small enough to be reckoned by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tauon.ports.what_if import Outcome, Question
from tauon.simulator.policies import POLICIES
from tauon.simulator.score import hundredths, spread
from tauon.simulator.what_if import outcome, read_world

ONE_NODE = """
pools:
  - name: lab
    nodes: [{count: 1, accelerators: "H100:2"}]
    prices_usd_per_h: {H100: "2"}
"""


def played(folder: Path, text: str) -> Outcome:
    path = folder / "world.yaml"
    path.write_text(ONE_NODE + text)
    return outcome(read_world(Question(source=str(path))), POLICIES["tauon"], lambda *_: None)


def test_two_jobs_one_after_the_other(tmp_path: Path) -> None:
    """The second waits for the first: 1 h and 2 h; both GPUs are held for all of it."""
    score = played(tmp_path, 'jobs: [{lasts: 1h, times: 2, job: {resources: {accelerators: "H100:2"}}}]').score
    assert (score.jobs, score.succeeded, score.unfinished) == (2, 2, 0)
    assert (score.completion_s.average, score.completion_s.p50, score.completion_s.most) == (5400, 3600, 7200)
    assert (score.queueing_s.average, score.queueing_s.most) == (1800, 3600)
    assert (score.makespan_s, score.utilisation, score.gpu_h, score.lost_gpu_h) == (7200, 1.0, 4.0, 0.0)
    # Half the cluster each would have taken either twice as long. The second was never there without another but at
    # its end: two jobs in the first hour, one in the second, so 1.5 on average, of which it needs all.
    assert score.unfairness.most == pytest.approx(2 / 1.5)
    assert score.unfairness.average == pytest.approx((1 / 2 + 2 / 1.5) / 2)
    assert (score.capacity_usd, score.work_usd) == (Decimal(8), Decimal(8))


def test_half_of_the_node_for_half_of_the_time(tmp_path: Path) -> None:
    text = 'jobs: [{lasts: 1h, job: {resources: {accelerators: "H100:1"}}}, {at: 1h, lasts: 1h, job: {resources: {accelerators: "H100:2"}}}]'
    found = played(tmp_path, text)
    assert (found.score.utilisation, found.score.queueing_s.most) == (0.75, 0.0)
    assert (found.score.capacity_usd, found.score.work_usd) == (Decimal(8), Decimal(6))
    assert found.score.unfairness.most == 1.0
    held = found.curve.held
    assert (held[0], held[len(held) // 4], held[-2]) == (1.0, 1.0, 2.0)
    assert set(found.curve.capacity) == {2.0}


def test_work_that_is_preempted_without_a_checkpoint_is_lost(tmp_path: Path) -> None:
    text = """
jobs:
  - {lasts: 1h, job: {name: low, resources: {accelerators: "H100:2"}}}
  - {at: 30m, lasts: 15m, job: {name: high, priority: 5, resources: {accelerators: "H100:2"}}}
"""
    score = played(tmp_path, text).score
    assert (score.succeeded, score.preemptions, score.restarts) == (2, 1, 0)
    assert score.lost_gpu_h == pytest.approx(1.0)
    assert score.makespan_s == pytest.approx(30 * 60 + 15 * 60 + 3600)


def test_with_a_checkpoint_only_the_restart_is_lost(tmp_path: Path) -> None:
    text = """
jobs:
  - {lasts: 1h, save: 0s, restart: 6m, job: {name: low, resources: {accelerators: "H100:2"}}}
  - {at: 30m, lasts: 15m, job: {name: high, priority: 5, resources: {accelerators: "H100:2"}}}
"""
    score = played(tmp_path, text).score
    assert score.lost_gpu_h == pytest.approx(0.2)
    assert score.makespan_s == pytest.approx((60 + 15 + 6) * 60)


def test_what_is_refused_or_does_not_end_is_counted(tmp_path: Path) -> None:
    text = """
until: 2h
jobs:
  - {lasts: 5h, job: {resources: {accelerators: "H100:1"}}}
  - {lasts: 1h, times: 3, job: {resources: {accelerators: "H100:3"}}}
  - {lasts: 1h, exit_code: 1, job: {resources: {accelerators: "H100:1"}}}
"""
    found = played(tmp_path, text)
    score = found.score
    assert (score.jobs, score.refused, score.failed, score.unfinished, score.succeeded) == (5, 3, 1, 1, 0)
    assert len(found.refused) == 1
    assert found.refused[0].startswith("3: ")
    assert score.utilisation == pytest.approx(0.75)


def test_free_accelerators_that_nobody_who_waits_can_use_are_fragments(tmp_path: Path) -> None:
    """One of two is held, and what waits needs both: all that is free is of no use."""
    text = """
jobs:
  - {lasts: 1h, job: {resources: {accelerators: "H100:1"}}}
  - {lasts: 1h, job: {resources: {accelerators: "H100:2"}}}
"""
    assert played(tmp_path, text).score.fragmentation == 1.0


def test_spreads_and_hundredths() -> None:
    found = spread([float(i) for i in range(100, 0, -1)])
    assert (found.average, found.p50, found.p99, found.most) == (50.5, 50.0, 99.0, 100.0)
    assert spread([7.0]) == spread([7.0, 7.0, 7.0])
    assert hundredths([]) == ()
    assert hundredths([1.0, 2.0])[:51] == (1.0,) * 51
