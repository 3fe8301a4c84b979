"""Traces of each format become the jobs that they tell of; what is wrong with one is said with file and row."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tauon.model.errors import InvalidSpec
from tauon.simulator.traces.formats import Trace
from tauon.simulator.traces.job import TraceJob
from tauon.simulator.workload import gang
from tests.house.source import ROOT

SAMPLES = ROOT / "examples" / "traces"
HELIOS = "job_id,user,vc,jobname,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue\n"
ACME = (
    "job_id,user,node_num,gpu_num,cpu_num,mem_per_pod_GB,shared_mem_per_pod,type,state,submit_time,start_time,"
    "end_time,fail_time,stop_time,duration,queue,gpu_time\n"
)
PHILLY = "timestamp,duration,num_gpus,gpu_time,cluster\n"
OPENB = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
)


def a_trace(folder: Path, text: str, name: str = "trace.csv") -> Trace:
    path = folder / name
    path.write_text(text)
    return Trace(path)


def the_fault(folder: Path, text: str, name: str = "trace.csv") -> str:
    with pytest.raises(InvalidSpec) as raised:
        a_trace(folder, text, name)
    return str(raised.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("name", "format_", "jobs", "skipped", "nodes"),
    [
        ("philly.csv", "philly", 60, 0, 4),
        ("openb.csv", "openb", 56, 4, 4),
        ("helios.csv", "helios", 50, 10, 0),
        ("acme.csv", "acme", 55, 5, 0),
        ("sacct.txt", "sacct", 53, 7, 0),
        ("sample.swf", "swf", 51, 9, 8),
    ],
)
def test_a_sample_is_recognised_and_read(name: str, format_: str, jobs: int, skipped: int, nodes: int) -> None:
    trace = Trace(SAMPLES / name)
    assert (trace.format, trace.count, sum(trace.skipped.counts.values())) == (format_, jobs, skipped)
    assert len(trace.nodes()) == nodes
    found = list(trace.jobs())
    assert len(found) == jobs
    assert found == list(trace.jobs())
    assert [job.at_us for job in found] == sorted(job.at_us for job in found)


def test_the_samples_are_what_their_script_makes() -> None:
    compared = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_samples.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compared.returncode == 0, compared.stdout


def test_philly(tmp_path: Path) -> None:
    trace = a_trace(tmp_path, PHILLY + "2017-10-09 07:01:55,66.0,16,66.0,11cb48\n")
    assert list(trace.jobs()) == [
        TraceJob(at_us=1_507_532_515_000_000, duration_s=66.0, queue="11cb48", accelerators_milli=16_000)
    ]


def test_openb_with_a_share_of_one_gpu_and_a_choice_of_types(tmp_path: Path) -> None:
    rows = "p0,12000,16384,1,460,A10|T4,LS,Succeeded,5,107,7\np1,4000,1024,0,0,,LS,Running,9,19,9\n"
    one, other = a_trace(tmp_path, OPENB + rows).jobs()
    assert (one.at_us, one.duration_s, one.workers) == (5_000_000, 100.0, 1)
    assert (one.accelerators_milli, one.kinds, one.cpu_milli, one.memory_mib) == (460, ("A10", "T4"), 12_000, 16_384)
    assert (other.accelerators, other.cpu_milli) == (0, 4_000)


def test_helios_and_what_never_started(tmp_path: Path) -> None:
    rows = (
        "7,u1,vcA,train,4,24,1,COMPLETED,2020-05-01 00:00:10,2020-05-01 00:01:10,2020-05-01 00:02:10,60,60\n"
        "8,u1,vcA,train,4,24,1,CANCELLED,2020-05-01 00:00:20,None,2020-05-01 00:02:10,0,110\n"
        "9,u2,vcB,prep,0,2,1,COMPLETED,2020-05-01 00:00:30,2020-05-01 00:00:30,2020-05-01 00:00:40,10,0\n"
    )
    trace = a_trace(tmp_path, HELIOS + rows)
    one, other = trace.jobs()
    assert (one.name, one.user, one.queue, one.accelerators, one.duration_s) == ("train", "u1", "vcA", 4, 60.0)
    assert (other.accelerators, other.cpu_milli) == (0, 2_000)
    assert trace.skipped.counts == {"never started": 1}
    assert trace.skipped.first["never started"].endswith("trace.csv:3")


def test_acme_with_zones(tmp_path: Path) -> None:
    row = (
        "1,u1,2,16,192,1600,,Pretrain,COMPLETED,2023-05-01 08:00:00+08:00,2023-05-01 08:00:05+08:00,"
        "2023-05-01 09:00:05+08:00,,,3600,5,57600\n"
    )
    (job,) = a_trace(tmp_path, ACME + row).jobs()
    assert (job.at_us, job.accelerators, job.duration_s) == (1_682_899_200_000_000, 16, 3600.0)
    assert (job.name, job.queue) == ("Pretrain", "")


def test_sacct_passes_over_steps_and_reads_every_way_to_tell_a_duration(tmp_path: Path) -> None:
    text = (
        "JobID|User|Account|Submit|Elapsed|AllocTRES\n"
        "1|ada|vision|2024-03-04T08:00:00|1-02:03:04|cpu=32,gres/gpu:h100=4,gres/gpu=4,mem=256G\n"
        "1.batch|||2024-03-04T08:00:00|1-02:03:04|cpu=32\n"
        "2|ada|vision|2024-03-04T08:00:01|05:06|cpu=3,mem=512M\n"
    )
    gpu, cpu = a_trace(tmp_path, text, "jobs.txt").jobs()
    assert (gpu.duration_s, gpu.accelerators, gpu.kinds, gpu.queue) == (93_784.0, 4, ("H100",), "vision")
    assert (cpu.duration_s, cpu.cpu_milli, cpu.memory_mib, cpu.workers) == (306.0, 3_000, 512, 1)


def test_swf(tmp_path: Path) -> None:
    text = "; MaxProcs: 10\n; MaxNodes: 4\n1 100 0 50 3 -1 -1 4 60 2048 1 7 1 -1 2 1 -1 -1\n2 110 0 -1 3 -1 -1 3 60 -1 5 7 1 -1 2 1 -1 -1\n"
    trace = a_trace(tmp_path, text, "log.swf")
    (job,) = trace.jobs()
    assert (job.at_us, job.duration_s, job.workers, job.cpu_milli, job.memory_mib) == (100_000_000, 50.0, 4, 1_000, 2)
    assert (job.user, job.queue) == ("u7", "q2")
    assert [node.shape.cpu_milli for node in trace.nodes()] == [3_000, 3_000, 2_000, 2_000]


def test_gzipped_is_as_good(tmp_path: Path) -> None:
    path = tmp_path / "philly.csv.gz"
    path.write_bytes(gzip.compress((SAMPLES / "philly.csv").read_bytes()))
    assert list(Trace(path).jobs()) == list(Trace(SAMPLES / "philly.csv").jobs())


def test_a_trace_in_another_order_is_sorted(tmp_path: Path) -> None:
    trace = a_trace(tmp_path, PHILLY + "30,5,1,5,a\n10,6,1,6,a\n20,7,1,7,a\n")
    assert [job.duration_s for job in trace.jobs()] == [6.0, 7.0, 5.0]
    assert trace.first_us == 10_000_000


BAD = {
    "nothing": ("", "this is no trace that is known here"),
    "prose": ("Dear reader\n", "trace.csv:1: this is no trace that is known here (openb, acme"),
    "a column is missing": ("timestamp,num_gpus,cluster\n", "trace.csv:1: a trace of the format philly without column duration"),
    "a column is misspelt": ("timestamp,durations,num_gpus,cluster\n", "column duration; is it `durations`?"),
    "only a header": (PHILLY, "trace.csv: there is no job to play in it"),
    "nothing but skips": (PHILLY + "5,5,0,5,a\n", "there is no job to play in it (1 asks for no GPU)"),
    "a negative duration": (PHILLY + "5,5,1,5,a\n6,-1,1,5,a\n", "trace.csv:3: column duration: expected at least 0, found -1"),
    "a negative time": (PHILLY + "-5,5,1,5,a\n", "trace.csv:2: column timestamp: a time can't be negative, found -5"),
    "no time": (PHILLY + "soon,5,1,5,a\n", "trace.csv:2: column timestamp: expected a time such as"),
    "no number": (PHILLY + "5,long,1,5,a\n", "trace.csv:2: column duration: expected a number, found 'long'"),
    "not a number": (PHILLY + "5,nan,1,5,a\n", "trace.csv:2: column duration: expected at least 0, found nan"),
    "a short row": (PHILLY + "5,5,1,5\n", "trace.csv:2: 4 columns, where the header has 5"),
    "an open quote": (PHILLY + '5,5,1,5,"a\n', "trace.csv:2: unexpected end of data"),
    "an end before the start": (OPENB + "p,1,1,1,1000,,LS,Running,1,5,7\n", "trace.csv:2: column deletion_time: it was deleted before"),
    "a wrong duration of Slurm": ("JobID|Submit|Elapsed\n1|5|yes\n", "trace.csv:2: column Elapsed: expected [days-]hours"),
    "a short line of SWF": ("; a log\n1 2 3\n", "trace.csv:2: 3 numbers, where the format has 18"),
    "a word in SWF": ("; a log\n1 x" + " 1" * 16 + "\n", "trace.csv:2: column 2: expected a number, found 'x'"),
    "a negative submit time in SWF": ("; a log\n1 -4" + " 1" * 16 + "\n", "trace.csv:2: column 2 (submit time) can't be negative"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, case: str) -> None:
    text, expected = BAD[case]
    assert expected in the_fault(tmp_path, text)


def test_what_is_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(PHILLY.encode() + b"\xff\xfe\n")
    with pytest.raises(InvalidSpec, match=r"b\.csv: this is no text"):
        Trace(tmp_path / "b.csv")
    (tmp_path / "g.gz").write_bytes(gzip.compress(PHILLY.encode() * 500)[:60])
    with pytest.raises(InvalidSpec, match=r"g\.gz: the file breaks off"):
        Trace(tmp_path / "g.gz")
    with pytest.raises(InvalidSpec, match="can't read"):
        Trace(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("accelerators", "largest", "expected"),
    [(8, 8, (1, 8000)), (16, 8, (2, 8000)), (12, 8, (3, 4000)), (9, 8, (9, 1000)), (3, 0, (1, 3000)), (0, 8, (1, 0))],
)
def test_a_wide_job_becomes_a_gang_that_fills_nodes(accelerators: int, largest: int, expected: tuple[int, int]) -> None:
    assert gang(TraceJob(at_us=0, duration_s=1, accelerators_milli=accelerators * 1000), largest) == expected


def test_a_share_of_an_accelerator_stays_one() -> None:
    assert gang(TraceJob(at_us=0, duration_s=1, workers=1, accelerators_milli=460), 8) == (1, 460)


@pytest.mark.parametrize(
    ("file", "jobs", "nodes"),
    [
        ("philly/philly_82k.csv", 82_247, 352),
        ("openb/openb_pod_list_default.csv", 7_255, 1_213),
        ("openb/openb_pod_list_gpushare40.csv", 7_171, 1_213),
    ],
)
def test_the_real_traces_are_read_whole(file: str, jobs: int, nodes: int) -> None:
    folder = os.environ.get("TAUON_DATA", "")
    if not folder or not (Path(folder) / file).is_file():
        pytest.skip(f"set TAUON_DATA to the folder that has {file}")
    trace = Trace(Path(folder) / file)
    assert (trace.count, len(trace.nodes())) == (jobs, nodes)
