"""What Slurm's commands print is read as it is meant, and odd lines harm nobody."""

from __future__ import annotations

import pytest

from tauon.model.errors import NotReady, ProviderError, QuotaExceeded, Rejected
from tauon.model.ids import PoolName
from tauon.model.node import NodeState
from tauon.model.pool import Pool
from tauon.model.resources import Resources
from tauon.providers.slurm.commands import explain
from tauon.providers.slurm.listing import (
    JobRow,
    Stage,
    completion_rows,
    gpus_of,
    job_rows,
    node_rows,
    past_rows,
)
from tauon.providers.slurm.nodes import nodes_of
from tauon.providers.slurm.others import Strangers, host_names, others

NODE = "n1|idle|8/56/0/64|1000000|3000|100000|gpu:h100:8(S:0-1)|gpu:h100:3(IDX:0-2)|10.0.0.1|none"
POOL = Pool(name=PoolName("lab"), provider="slurm")


def test_jobs_are_read_with_whatever_stands_in_a_comment() -> None:
    text = (
        "5|0|RUNNING|cpu=6,mem=200M,node=2|gres:gpu:h100:2|n[1-2]|None|tauon:a|b\n"
        "slurm_load_jobs: a line of Slurm's own\n"
        "6|1|PENDING|cpu=1|N/A||Resources|\n\n"
        "7|N/A|COMPLETING|||n1|None|x\n"
    )
    first, second, third = job_rows(text)
    assert first == JobRow(5, 0, "RUNNING", "None", "tauon:a|b", "n[1-2]", "cpu=6,mem=200M,node=2", "gres:gpu:h100:2")
    assert (second.id, second.part, second.stage, second.reason) == (6, 1, Stage.WAITING, "Resources")
    assert third.stage is Stage.RUNNING, "its processes may not have ended"


@pytest.mark.parametrize(
    ("state", "stage"),
    [("CONFIGURING", Stage.WAITING), ("SUSPENDED", Stage.RUNNING), ("PREEMPTED", Stage.OVER), ("NEW_WORD", Stage.OVER)],
)
def test_a_state_says_how_far_a_job_is(state: str, stage: Stage) -> None:
    assert JobRow(1, 0, state, "").stage is stage


def test_what_is_past_is_read_from_accounting_and_from_the_completion_log() -> None:
    assert list(past_rows("12|CANCELLED by 1000|j1-1\n12.batch|FAILED|x\n")) == [
        JobRow(12, 0, "CANCELLED", "by 1000", name="j1-1")
    ]
    line = "JobId=7 UserId=ada(1) Name=j1-1 JobState=NODE_FAIL Partition=main EndTime=Unknown NodeList=n1\nodd\n"
    assert list(completion_rows(line)) == [JobRow(7, 0, "NODE_FAIL", "", name="j1-1")]


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("gpu:h100:8(S:0-1),shard:64", {"h100": 8}),
        ("gpu:8", {"": 8}),
        ("gpu:a100:2(IDX:0,3),gpu:v100:1(IDX:1)", {"a100": 2, "v100": 1}),
        ("(null)", {}),
        ("gpu:h100:0(IDX:N/A)", {"h100": 0}),
    ],
)
def test_gpus_are_counted_by_type(gres: str, gpus: dict[str, int]) -> None:
    assert gpus_of(gres) == gpus


def test_a_node_in_two_partitions_comes_once_and_a_line_that_makes_no_sense_not_at_all() -> None:
    rows = list(node_rows(f"{NODE}\n{NODE}\nsinfo: error: something\nn2|idle|?|?|?|?|?|?|?|?\n"))
    assert [(row.name, row.cpus, row.cpus_used, row.gpus, row.gpus_used) for row in rows] == [
        ("n1", 64, 8, {"h100": 8}, 3)
    ]


@pytest.mark.parametrize(
    ("state", "expected", "words"),
    [
        ("idle", NodeState.READY, ""),
        ("mixed", NodeState.READY, ""),
        ("idle~", NodeState.READY, ""),
        ("mixed+drain", NodeState.DRAINING, "drain: fan 3"),
        ("idle*", NodeState.DRAINING, "does not respond"),
        ("allocated+maintenance", NodeState.DRAINING, "maintenance"),
        ("reserved", NodeState.DRAINING, "reserved"),
        ("idle+drain+not_responding", NodeState.DRAINING, "drain"),
    ],
)
def test_a_state_says_whether_a_node_takes_work(state: str, expected: NodeState, words: str) -> None:
    line = NODE.replace("|idle|", f"|{state}|").replace("|none", "|fan 3" if words else "|none")
    [node] = nodes_of(POOL, node_rows(line), {}, {})
    assert node.state is expected
    assert words in node.message
    assert (node.shape.accelerator, node.shape.accelerator_count, node.shape.accelerator_memory_gib) == ("H100", 8, 80)


@pytest.mark.parametrize("state", ["down", "down*", "idle+fail", "unknown*", "mixed+powering_down"])
def test_a_node_that_is_down_is_not_there(state: str) -> None:
    assert nodes_of(POOL, node_rows(NODE.replace("|idle|", f"|{state}|")), {}, {}) == ()


@pytest.mark.parametrize(
    ("gres", "types", "expected"),
    [
        ("gpu:nvidia_h100_80gb_hbm3:8", {}, "H100"),
        ("gpu:a100_40gb:4", {"a100_40gb": "a100-40gb"}, "A100-40GB"),
        ("gpu:4", {}, "GPU"),
        ("(null)", {}, ""),
    ],
)
def test_slurms_names_of_gpus_are_understood(gres: str, types: dict[str, str], expected: str) -> None:
    [node] = nodes_of(POOL, node_rows(NODE.replace("gpu:h100:8(S:0-1)", gres)), types, {})
    assert node.shape.accelerator == expected


def test_host_lists_are_written_out() -> None:
    assert list(host_names("n[1-3,07],gpu1,r[09-10]b")) == ["n1", "n2", "n3", "n07", "gpu1", "r09b", "r10b"]
    assert list(host_names("")) == []


def test_what_others_hold_is_what_is_taken_beyond_our_own_jobs() -> None:
    ours = JobRow(1, 0, "RUNNING", "", "", "n1", "cpu=6,mem=1G,node=1", "gres:gpu:h100:2")
    held = others(node_rows(NODE), [ours, JobRow(2, 0, "PENDING", "", "", "", "cpu=9,mem=9G", "")])
    assert held == {"n1": Resources(accelerator_milli=1000, cpu_milli=2000, memory_mib=1976)}


def test_what_seems_others_for_one_look_only_is_not_believed() -> None:
    strangers = Strangers()
    strangers.look(list(node_rows(NODE)), [])
    assert strangers.held == {"n1": Resources()}
    strangers.look(list(node_rows(NODE)), [])
    assert strangers.held == {"n1": Resources(accelerator_milli=3000, cpu_milli=8000, memory_mib=3000)}


@pytest.mark.parametrize(
    ("complaint", "kind"),
    [
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", NotReady),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", NotReady),
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", Rejected),
        ("sbatch: error: invalid partition specified: nowhere", Rejected),
        ("sbatch: error: Batch job submission failed: Invalid account or account/partition combination", Rejected),
        ("sbatch: error: Batch job submission failed: Access/permission denied", Rejected),
        ("sbatch: error: QOSMaxSubmitJobPerUserLimit", QuotaExceeded),
        (
            "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)",
            QuotaExceeded,
        ),
        ("sbatch: error: If munged is up, restart with --num-threads=10", NotReady),
        ("a word that nobody knows", NotReady),
    ],
)
def test_complaints_are_told_by_their_kind(complaint: str, kind: type[ProviderError]) -> None:
    error = explain("sbatch", complaint)
    assert type(error) is kind
    assert "Slurm's sbatch: " in str(error)
    assert "sbatch: error" not in str(error)
