"""Worlds as files: each example plays to its end, and what is wrong in one is said with its place."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from tauon.model.errors import InvalidRequest, InvalidSpec
from tauon.model.job import JobState
from tauon.model.resources import CapacityType
from tauon.ports.what_if import Question
from tauon.simulator.fleet import nodes_in_short
from tauon.simulator.result import Result
from tauon.simulator.scenario import Submit
from tauon.simulator.simulation import simulate
from tauon.simulator.what_if import Worlds, read_world
from tests.house.source import ROOT

WORKED_CASE = ROOT / "examples" / "worked-case.yaml"
WORLDS = sorted((ROOT / "examples" / "worlds").glob("*.yaml"))
POOL = 'pools: [{name: lab, nodes: [{count: 2, accelerators: "H100:8"}]}]\n'
JOB = "jobs: [{lasts: 1h}]\n"


def a_world(folder: Path, text: str) -> Path:
    path = folder / "w.yaml"
    path.write_text(text)
    return path


def played(path: Path) -> Result:
    return asyncio.run(simulate(read_world(Question(source=str(path))).scenario()))


def the_fault(folder: Path, text: str) -> list[str]:
    path = a_world(folder, text)
    with pytest.raises(InvalidSpec) as raised:
        read_world(Question(source=str(path)))
    return str(raised.value).replace(f"{folder}/", "").split("\n")


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_an_example_says_what_it_is_for_and_is_played_to_its_end(path: Path) -> None:
    assert path.read_text().startswith("# ")
    found = Worlds().play(Question(source=str(path)), lambda *_: None)
    for outcome in found.outcomes:
        assert outcome.score.jobs == found.jobs
        assert (outcome.score.unfinished, outcome.score.refused) == (0, 0)


def test_a_pool_has_the_nodes_prices_and_place_that_its_document_gives(tmp_path: Path) -> None:
    text = """
pools:
  - name: lab
    region: eu
    capacity_type: spot
    prices_usd_per_h: {h100: "2.5", cpu: "0.01"}
    nodes: [{count: 2, accelerators: "h100:4", cpu: 32, memory: 256}, {cpu: 8, memory: 16, disk: 100}]
jobs: [{lasts: 1s, job: {resources: {cpu: 1}}}]
"""
    world = read_world(Question(source=str(a_world(tmp_path, text))))
    assert [node.id for node in world.nodes] == ["lab-0", "lab-1", "lab-2"]
    gpu, _, plain = (node.shape for node in world.nodes)
    assert (gpu.accelerator, gpu.accelerator_count, gpu.accelerator_memory_gib, gpu.cpu_milli) == (
        "H100",
        4,
        80,
        32_000,
    )
    assert (gpu.region, gpu.capacity_type) == ("eu", CapacityType.SPOT)
    assert (gpu.rates.accelerator_micro_usd, gpu.rates.cpu_micro_usd) == (2_500_000, 10_000)
    assert (plain.accelerator_count, plain.memory_mib, plain.disk_mib) == (0, 16 * 1024, 100 * 1024)


def test_a_job_can_be_cancelled_and_another_resized(tmp_path: Path) -> None:
    text = f"""{POOL}
jobs:
  - {{lasts: 2h, job: {{name: grows, resources: {{accelerators: "H100:1"}}}}}}
  - {{lasts: 2h, times: 2, job: {{name: goes, resources: {{accelerators: "H100:1"}}}}}}
events:
  - {{at: 1h, resize: grows, to: {{accelerators: "H100:4"}}}}
  - {{at: 30m, cancel: goes}}
"""
    result = played(a_world(tmp_path, text))
    times = result.times()
    ends_s = [((one.ended_us or 0) - result.scenario.start_us) / 1e6 for one in times]
    assert [one.state for one in times] == [JobState.CANCELLED] * 3 + [JobState.SUCCEEDED]
    assert ends_s[1:] == [1800 + 5, 1800 + 5, 7200] or ends_s[1:] == [1800, 1800, 7200]
    again = result.store.find_job(times[3].job)
    assert again is not None
    assert str(again.request).startswith("H100:4")


def test_a_node_that_vanishes_and_is_back(tmp_path: Path) -> None:
    text = f"""{POOL}
jobs: [{{lasts: 1h, times: 2, job: {{resources: {{accelerators: "H100:8"}}}}}}]
events: [{{at: 30m, vanish: lab-0}}, {{at: 2h, back: lab-0}}]
"""
    result = played(a_world(tmp_path, text))
    assert sorted(one.attempts for one in result.times()) == [1, 2]


def test_a_stream_is_the_same_for_the_same_seed_alone(tmp_path: Path) -> None:
    path = a_world(tmp_path, POOL + "stream: {jobs: 50, per_hour: 10, queues: {}}\n")
    first, again, other = (list(read_world(Question(source=str(path), seed=seed)).happenings()) for seed in (1, 1, 2))
    assert len(first) == 50
    assert first == again
    assert first != other
    assert all(isinstance(one, Submit) and one.work.duration_s >= 1 for one in first)


def test_the_same_trace_and_seed_give_the_same_journal() -> None:
    path = ROOT / "examples" / "traces" / "openb.csv"
    digests = {hashlib.sha256(played(path).journal()).hexdigest() for _ in range(2)}
    assert len(digests) == 1


BAD = {
    "no yaml": ("pools: [\n", ["expected"]),
    "a list": ("- pools\n", ["w.yaml: a world is a mapping"]),
    "two documents": (POOL + "---\n" + POOL, ["w.yaml: a world is one document, not 2"]),
    "no pool": (JOB + "pools: []\n", ["w.yaml:2:8: `pools`: list should have at least 1 item"]),
    "no work": (POOL, ["there is no work: give `jobs`, a `trace` or a `stream`"]),
    "an unknown field": (POOL + JOB + "sed: 3\n", ["w.yaml:3:1: there is no `sed`; did you mean `seed`?"]),
    "an unknown field of a node": ("pools: [{name: a, nodes: [{cores: 3}]}]\n", ["there is no `pools[0].nodes[0].cores`; there are count"]),
    "half a GPU in a node": ('pools: [{name: a, nodes: [{accelerators: "H100:0.5"}]}]\n', ["a node has a whole number of accelerators"]),
    "no duration": (POOL + "jobs: [{job: {name: x}}]\n", ["w.yaml:2:8: `lasts` is missing"]),
    "a negative duration": (POOL + "jobs: [{lasts: -1h}]\n", ["w.yaml:2:16: `jobs[0].lasts`: a duration is seconds"]),
    "a wrong job": (POOL + 'jobs: [{lasts: 1h, job: {workers: many}}]\n', ["w.yaml:2:35: `jobs[0].job.workers`"]),
    "two pools of one name": ("pools: [{name: a, nodes: [{}]}, {name: a, nodes: [{}]}]\n" + JOB, ["listed twice: a"]),
    "two events in one": (POOL + JOB + "events: [{at: 1, drain: lab-0, vanish: lab-0}]\n", ["w.yaml:3:10: `events[0]`: exactly one of"]),
    "an event for nobody": (POOL + JOB + "events: [{at: 1, cancel: nobody}]\n", ["there is no job called 'nobody'"]),
    "an event for no node": (POOL + JOB + "events: [{at: 1, drain: lab-9}]\n", ["there is no node 'lab-9'; there are: lab-0, lab-1"]),
    "guarantees above each other": (POOL + JOB + "queues: [{name: a, guarantee: {H100: 4}, maximum: {H100: 2}}]\n", ["w.yaml:3:"]),
    "a trace that is not there": (POOL + "trace: {file: no.csv}\n", ["can't read no.csv"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, case: str) -> None:
    text, expected = BAD[case]
    found = the_fault(tmp_path, text)
    for part in expected:
        assert any(part in line for line in found), found


def test_nodes_in_short() -> None:
    nodes = nodes_in_short(["h100:8x2", "cpu:64x1"])
    assert [(node.shape.accelerator, node.shape.accelerator_count, node.shape.cpu_milli) for node in nodes] == [
        ("H100", 8, 128_000),
        ("H100", 8, 128_000),
        ("", 0, 64_000),
    ]


@pytest.mark.parametrize("text", ["H100", "H100:8", "H100:0x3", "H100:8x0", "8x4", "H100:8x4x2", ""])
def test_nodes_in_short_that_are_none(text: str) -> None:
    with pytest.raises(InvalidRequest, match="expected TYPE:GPUSxNODES"):
        nodes_in_short([text])


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="there is no policy 'best'; there are: tauon, tauon-known, turnaround"):
        Worlds().play(Question(source=str(WORLDS[0]), policies=("best",)), lambda *_: None)


def test_policies_stand_side_by_side_and_meet_the_same_jobs() -> None:
    names = ("tauon", "fifo", "srtf", "tiresias", "turnaround")
    found = Worlds().play(Question(source=str(WORLDS[0]), policies=names), lambda *_: None)
    assert tuple(outcome.policy for outcome in found.outcomes) == names
    assert len({outcome.score.jobs for outcome in found.outcomes}) == 1


def test_the_packing_of_others_moves_nothing() -> None:
    names = ("best-fit", "dot-product", "fgd")
    found = Worlds().play(Question(source=str(WORKED_CASE), policies=names), lambda *_: None)
    for outcome in found.outcomes:
        assert "moved" not in "\n".join(outcome.story)
        assert outcome.story[-1].endswith("101 of 120 GiB = 0.842 on 10 of 10 nodes")


def test_the_worked_case_shows_each_step() -> None:
    (outcome,) = Worlds().play(Question(source=str(WORKED_CASE)), lambda *_: None).outcomes
    fills = [line.rpartition("->")[2].strip() for line in outcome.story]
    assert fills[-4:] == [
        "100 of 120 GiB = 0.833 on 9 of 10 nodes",
        "100 of 108 GiB = 0.926 on 9 of 9 nodes",
        "102 of 108 GiB = 0.944 on 9 of 9 nodes",
        "101 of 108 GiB = 0.935 on 9 of 9 nodes",
    ]
    told = "\n".join(outcome.story)
    assert "cancelled 10 x leaves; moved 3 x task, grows" in told
    assert "node released: pool-1" in told
