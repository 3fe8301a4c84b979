"""Write the sample traces of examples/traces: made by chance from a fixed seed, a few KiB each, no copied data."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

OUT = Path(__file__).parents[1] / "examples" / "traces"
JOBS = 60
BEGAN = datetime(2024, 3, 4, 8, 0, tzinfo=UTC)
USERS = ("ada", "bob", "eve", "kim")
TEAMS = ("vision", "speech", "science")


class Made(NamedTuple):
    """A job that never was: seconds from the beginning, and what it asked for."""

    number: int
    submit_s: int
    wait_s: int
    duration_s: int
    gpus: int
    user: str
    team: str
    state: str

    def at(self, after_s: int = 0) -> str:
        return f"{BEGAN + timedelta(seconds=self.submit_s + after_s):%Y-%m-%d %H:%M:%S}"

    def iso(self, after_s: int = 0) -> str:
        return self.at(after_s).replace(" ", "T")

    @property
    def never_ran(self) -> bool:
        return self.state == "CANCELLED"


def made(seed: int) -> Iterator[Made]:
    """Jobs that come independently of each other, most of them small and short."""
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated is the point
    submit_s = 0
    for number in range(1, JOBS + 1):
        submit_s += rng.randrange(20, 700)
        yield Made(
            number=number,
            submit_s=submit_s,
            wait_s=rng.choice([0, 0, 5, 60, 600]),
            duration_s=rng.choice([90, 300, 1200, 3600, 7200, 20_000]) + rng.randrange(60),
            gpus=rng.choice([1, 1, 1, 1, 2, 4, 8, 16]),
            user=rng.choice(USERS),
            team=rng.choice(TEAMS),
            state=rng.choice(["COMPLETED"] * 8 + ["FAILED", "CANCELLED"]),
        )


def philly() -> Iterator[str]:
    yield "timestamp,duration,num_gpus,gpu_time,cluster"
    for job in made(1):
        yield f"{job.at()},{job.duration_s}.0,{job.gpus},{job.duration_s * job.gpus}.0,{job.team}"


def philly_clusters() -> Iterator[str]:
    yield "vc,node num"
    for team, nodes in zip(TEAMS, (2, 1, 1), strict=True):
        yield f"{team},{nodes}"


def openb() -> Iterator[str]:
    yield (
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time"
    )
    rng = random.Random(20)  # noqa: S311
    for job in made(2):
        count = min(job.gpus, 8)
        share = rng.choice([1000, 1000, 500, 250]) if count == 1 else 1000
        began = "" if job.never_ran else str(job.submit_s + job.wait_s)
        ended = job.submit_s + job.wait_s + job.duration_s
        kind = rng.choice(["", "", "", "T4", "V100|T4"])
        yield (
            f"sample-pod-{job.number:04d},{count * 4000},{count * 16384},{count},{share},{kind},LS,"
            f"{'Pending' if job.never_ran else 'Succeeded'},{job.submit_s},{ended},{began}"
        )


def openb_nodes() -> Iterator[str]:
    yield "sn,cpu_milli,memory_mib,gpu,model"
    for number, kind in enumerate(["V100", "V100", "T4", "T4"]):
        yield f"sample-node-{number:04d},96000,786432,8,{kind}"


def helios() -> Iterator[str]:
    yield "job_id,user,vc,jobname,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue"
    for job in made(3):
        begins = "None" if job.never_ran else job.at(job.wait_s)
        ends = "None" if job.never_ran else job.at(job.wait_s + job.duration_s)
        lasts = "" if job.never_ran else str(job.duration_s)
        nodes = max(1, job.gpus // 8)
        yield (
            f"{job.number},{job.user},{job.team},train_{job.number % 7},{job.gpus},{job.gpus * 6},{nodes},{job.state},"
            f"{job.at()},{begins},{ends},{lasts},{job.wait_s}"
        )


def acme() -> Iterator[str]:
    yield (
        "job_id,user,node_num,gpu_num,cpu_num,mem_per_pod_GB,shared_mem_per_pod,type,state,submit_time,start_time,"
        "end_time,fail_time,stop_time,duration,queue,gpu_time"
    )
    for job in made(4):
        begins, ends = job.at(job.wait_s) + "+00:00", job.at(job.wait_s + job.duration_s) + "+00:00"
        lasts: object = job.duration_s
        if job.never_ran:
            begins = ends = lasts = ""
        yield (
            f"{job.number},{job.user},{max(1, job.gpus // 8)},{job.gpus},{job.gpus * 12},{job.gpus * 100},,"
            f"{'Pretrain' if job.gpus > 8 else 'Evaluation'},{job.state},{job.at()}+00:00,{begins},{ends},,,"
            f"{lasts},{job.wait_s},{job.duration_s * job.gpus}"
        )


def sacct() -> Iterator[str]:
    yield "JobID|JobName|User|Account|Partition|Submit|Start|End|ElapsedRaw|State|AllocTRES|NNodes"
    for job in made(5):
        begins = "Unknown" if job.never_ran else job.iso(job.wait_s)
        ends = "Unknown" if job.never_ran else job.iso(job.wait_s + job.duration_s)
        lasts = 0 if job.never_ran else job.duration_s
        tres = (
            f"billing={job.gpus},cpu={job.gpus * 8},gres/gpu:a100={job.gpus},gres/gpu={job.gpus},mem={job.gpus * 64}G"
        )
        row = (
            f"train-{job.number % 7}|{job.user}|{job.team}|gpu|{job.iso()}|{begins}|{ends}|{lasts}|{job.state}|{tres}|1"
        )
        yield f"{job.number}|{row}"
        if not job.never_ran:
            yield f"{job.number}.batch|batch|||{'|'.join(row.split('|')[3:])}"


def swf() -> Iterator[str]:
    yield from ("; Version: 2.2", "; Computer: a sample, made by chance", "; MaxNodes: 8", "; MaxProcs: 256")
    for job in made(6):
        run = -1 if job.never_ran else job.duration_s
        user, queue = USERS.index(job.user), TEAMS.index(job.team)
        procs = job.gpus * 4
        yield (
            f"{job.number} {job.submit_s} {job.wait_s} {run} {procs} -1 -1 {procs} {job.duration_s * 2} -1 1 "
            f"{user} 1 -1 {queue} 1 -1 -1"
        )


SAMPLES: dict[str, Callable[[], Iterator[str]]] = {
    "philly.csv": philly,
    "philly_vc.csv": philly_clusters,
    "openb.csv": openb,
    "openb_node_list.csv": openb_nodes,
    "helios.csv": helios,
    "acme.csv": acme,
    "sacct.txt": sacct,
    "sample.swf": swf,
}


def main() -> int:
    """Write them all; with --check only compare, and return 1 where one differs."""
    differ = 0
    for name, lines in SAMPLES.items():
        path, text = OUT / name, "".join(f"{line}\n" for line in lines())
        if "--check" in sys.argv:
            if not path.is_file() or path.read_text() != text:
                print(f"{path} is not what this script makes")
                differ = 1
        else:
            OUT.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path}")
    return differ


if __name__ == "__main__":
    sys.exit(main())
