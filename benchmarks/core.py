"""`make bench-core`: how quickly a job starts, how many can be taken and placed, and what an idle server costs."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import load
from benchmarks.report import Report, median, quantile, say
from tauon.economics.folded import FoldedLedger
from tauon.main.embedded import SystemClock, control_plane
from tauon.model.event import PoolConfigured, QueueConfigured
from tauon.model.ids import NodeId, PoolName
from tauon.model.job import Job
from tauon.model.job_spec import JobSpec
from tauon.model.node import Node, NodeShape
from tauon.model.pool import Pool
from tauon.model.queue import DEFAULT_QUEUE, Queue
from tauon.reconciler.cycle import cycle
from tauon.reconciler.journal import GroupJournal, InlineJournal
from tauon.reconciler.loop import Loop
from tauon.reconciler.memory_store import MemoryStore
from tauon.reconciler.site import OpenPool, Site
from tauon.service.config import ServerConfig
from tauon.service.control_plane import LogQuery
from tauon.service.local import LocalControlPlane
from tauon.service.parts import Parts
from tauon.service.submit import Intake
from tauon.service.waste import WasteWatch
from tauon.simulator.chance import Chance
from tauon.simulator.clock import VirtualClock
from tauon.simulator.labour import Labour
from tauon.simulator.nothing import NoBlobs, NoSecrets
from tauon.simulator.provider import SimProvider
from tauon.simulator.scenario import Faults, Work
from tauon.store.files import private_folder
from tauon.store.sql_store import SqlStore

ONE_GPU = JobSpec.model_validate({"run": "true", "resources": {"accelerators": "H100:1"}})


def main() -> None:
    """Measure everything, print the table, write the JSON."""
    report = Report("core")
    with tempfile.TemporaryDirectory(prefix="tauon-bench-") as folder:
        home = Path(folder)
        starts = asyncio.run(start_latencies_ms(home / "starts", 100))
        report.at_most("submit_to_started_p50_ms", median(starts), "ms", 50, "seconds")
        report.at_most("submit_to_started_p99_ms", quantile(starts, 0.99), "ms", 250)
        _submits(report, home)
        report.at_least("submit_to_bound_per_s", asyncio.run(bound_per_s(home / "bound")), "/s", 2000, "3.6 (dstack)")
        report.at_most("cycle_ms_10k_queued", asyncio.run(idle_cycle_ms(10_000)), "ms", 5)
        rss_mib, cpu_pct = idle_server(home / "idle")
        report.at_most("idle_rss_mib", rss_mib, "MiB", 120, "208 (dstack), 1,197 (SkyPilot)")
        report.at_most("idle_cpu_pct", cpu_pct, "%", 1)
        report.at_most("help_cpu_ms", help_cpu_ms(), "ms", 150, "1,440 (dstack), 2,440 (SkyPilot)")
        report.at_most("demo_s", demo_s(home / "demo"), "s", 90)
    report.write()


async def start_latencies_ms(home: Path, count: int) -> list[float]:
    """From the call of submit to the first instruction of the job's own process, one job at a time, all idle."""
    config = ServerConfig.model_validate({"pools": [{"name": "local", "options": {"virtual_gpus": "H100:4"}}]})
    found = []
    async with control_plane(home, str(home / "tauon.db"), config) as running:
        plane = running.control_plane_for("bench")
        spec = JobSpec.model_validate({"run": "date +%s.%N", "resources": {"accelerators": "H100:1"}})
        for _ in range(count):
            began_s = time.time()
            job = (await plane.submit(spec)).id
            async for event in plane.watch(subject=job):
                if event.type == "JobSucceeded":
                    break
            output = b"".join([chunk.data async for chunk in plane.logs(job, LogQuery())])
            found.append((float(output) - began_s) * 1000)
    return found


def _submits(report: Report, home: Path) -> None:
    """Durable single submits over HTTP by 32 clients, and bulk ones by one."""
    with load.server(home / "sqlite", "--virtual-gpus", "H100:1") as server:
        single = load.submits_per_s(server, clients=32, seconds=8)
        report.at_least("submits_per_s_sqlite", single, "/s", 500, "2.3 (dstack)")
        report.at_least("bulk_submits_per_s", load.bulk_per_s(server, batches=10, size=1000), "/s", 5000)
    with load.postgres() as url:
        if url is None:
            say("no PostgreSQL here: submits_per_s_postgres is left out")
            return
        with load.server(home / "on-postgres", "--virtual-gpus", "H100:1", "--database", url) as server:
            single = load.submits_per_s(server, clients=32, seconds=8)
            report.at_least("submits_per_s_postgres", single, "/s", 300)


async def bound_per_s(home: Path, count: int = 10_000) -> float:
    """From submit to the provider's having taken the order, journal on disk, by the simulated provider: jobs a second."""
    store = SqlStore(private_folder(home) / "tauon.db")
    store.open()
    clock = SystemClock()
    journal = GroupJournal(store=store, clock=clock)
    provider = _provider("sim", VirtualClock(clock.now_us()))
    site = Site(
        journal=journal,
        clock=clock,
        pools=[OpenPool(PoolName("sim"), provider, provider)],
        secrets=NoSecrets(),
        log=say,
    )
    _furnish(journal, provider, nodes=count // 8)
    loop = Loop(site)
    plane = LocalControlPlane(_parts(site, store, loop), "bench")
    running = asyncio.create_task(loop.run())
    await loop.ready.wait()
    began_s = time.perf_counter()
    for _ in range(count // 500):
        await plane.submit_many([ONE_GPU] * 500)
    while journal.cluster.waiting.lines or any(pool.starts for pool in site.pools.values()):
        if time.perf_counter() - began_s > 120:
            raise RuntimeError("not all jobs were placed within two minutes")
        await asyncio.sleep(0.002)
    rate = count / (time.perf_counter() - began_s)
    loop.close()
    await running
    await journal.close()
    store.close()
    return rate


async def idle_cycle_ms(queued: int) -> float:
    """One turn of the loop with nothing new, everything full and this many jobs waiting."""
    clock = VirtualClock(1_700_000_000_000_000)
    store = MemoryStore()
    journal = InlineJournal(store=store, clock=clock)
    provider = _provider("sim", clock)
    site = Site(
        journal=journal,
        clock=clock,
        pools=[OpenPool(PoolName("sim"), provider, provider)],
        secrets=NoSecrets(),
        log=say,
    )
    _furnish(journal, provider, nodes=8)
    await cycle(site)
    plane = LocalControlPlane(_parts(site, store, None), "bench")
    specs = [
        ONE_GPU.model_copy(update={"resources": ONE_GPU.resources.model_copy(update={"accelerators": f"H100:{n}"})})
        for n in (1, 2, 4, 8)
    ]
    await plane.submit_many([specs[i % 4] for i in range(queued + 40)])
    await cycle(site)
    times = []
    for _ in range(200):
        began_s = time.perf_counter()
        await cycle(site)
        times.append((time.perf_counter() - began_s) * 1000)
    assert len(journal.cluster.waiting) >= queued
    return median(times)


class _Endless(Labour):
    """Every job runs for ever."""

    def meet(self, job: Job) -> None:
        self.know(job.id, Work(duration_s=1e9))


def _provider(name: str, clock: VirtualClock) -> SimProvider:
    return SimProvider(PoolName(name), labour=_Endless(), clock=clock, chance=Chance(1), faults=Faults(), start_s=1.0)


def _furnish(journal: GroupJournal | InlineJournal, provider: SimProvider, *, nodes: int) -> None:
    journal.append([PoolConfigured(pool=Pool(name=PoolName("sim"), provider="sim"))])
    journal.append([QueueConfigured(queue=Queue(name=DEFAULT_QUEUE))])
    shape = NodeShape(
        pool=PoolName("sim"),
        accelerator="H100",
        accelerator_count=8,
        accelerator_memory_gib=80,
        cpu_milli=96_000,
        memory_mib=1 << 20,
    )
    for number in range(nodes):
        provider.node_appears(Node(id=NodeId(f"n{number}"), shape=shape))


def _parts(site: Site, store: SqlStore | MemoryStore, loop: Loop | None) -> Parts:
    return Parts(
        journal=site.journal,
        store=store,
        clock=site.clock,
        blobs=NoBlobs(),
        secrets=NoSecrets(),
        providers={},
        wake=loop.wake if loop else lambda: None,
        plan=lambda: site.plan,
        closed_pools=dict,
        intake=Intake(store=store, blobs=NoBlobs(), secrets=NoSecrets()),
        ledger=FoldedLedger(lambda after: store.events(after=after)),
        waste=WasteWatch(),
        experience=lambda: site.experience,
    )


def idle_server(home: Path) -> tuple[float, float]:
    """Resident memory (MiB) and processor (%) of a server that has run a job and has nothing to do for 20 s."""
    with load.server(home, "--virtual-gpus", "H100:8") as server:
        load.submits_per_s(server, clients=1, seconds=0.2)
        time.sleep(5)
        before_s, began_s = load.cpu_s(server.pid), time.monotonic()
        time.sleep(20)
        used = (load.cpu_s(server.pid) - before_s) / (time.monotonic() - began_s) * 100
        return load.rss_mib(server.pid), used


def help_cpu_ms() -> float:
    """User and system time of `tauon --help`."""
    found = []
    tauon = shutil.which("tauon", path=str(Path(sys.executable).parent)) or "tauon"
    for _ in range(11):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([tauon, "--help"], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return median(found)


def demo_s(folder: Path) -> float:
    """`make demo` in a fresh clone, packages in the cache."""
    repository = Path(__file__).parents[1]
    subprocess.run(["git", "clone", "--quiet", str(repository), str(folder)], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VIRTUAL_ENV", "MAKE", "MFLAGS"))}
    began_s = time.monotonic()
    subprocess.run(["make", "demo"], cwd=folder, stdout=subprocess.DEVNULL, check=True, env=environment)
    return time.monotonic() - began_s


if __name__ == "__main__":
    main()
