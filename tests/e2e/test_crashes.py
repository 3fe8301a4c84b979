"""kill -9 at random moments under load: no job is lost, none runs twice, nothing is left running, replay equals state."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from tauon.api.sync_client import Client
from tauon.model.errors import Unavailable
from tauon.model.job import JobState
from tauon.model.job_spec import JobSpec
from tauon.service.control_plane import JobQuery
from tauon.service.views import JobView
from tests.e2e.server import Server, processes_of

CRASHES = 50
SEED = 20_261_122


class Submitter(threading.Thread):
    """Submits small jobs all the time, over every crash, and remembers which were acknowledged."""

    def __init__(self, server: Server, marks: Path) -> None:
        super().__init__(daemon=True)
        self.server, self.marks = server, marks
        self.acknowledged: dict[str, str] = {}  # job id by key
        self.over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            spec = JobSpec.model_validate(
                {
                    "name": f"mark-{number}",
                    "run": f"echo $TAUON_JOB_ID >> {self.marks}; sleep 0.{number % 4}; echo done",
                    "resources": {"accelerators": "H100:1", "cpu": 0},
                }
            )
            self._submit(spec, f"key-{number}")
            time.sleep(0.04)

    def _submit(self, spec: JobSpec, key: str) -> None:
        """The same key until it is acknowledged: so it can't become two jobs."""
        while not self.over.is_set():
            try:
                with self.server.client() as client:
                    self.acknowledged[key] = client.submit(spec, key=key).id
                    return
            except Unavailable:
                time.sleep(0.05)


def test_fifty_crashes_lose_nothing_and_run_nothing_twice(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    marks = tmp_path / "marks"
    server = Server(tmp_path / "home", "--virtual-gpus", "H100:8", "--log-level", "warning")
    server.start()
    submitter = Submitter(server, marks)
    try:
        submitter.start()
        for _ in range(CRASHES):
            time.sleep(moments.uniform(0.0, 0.6))
            server.kill()
            server.start()
        submitter.over.set()
        submitter.join()
        _all_is_well(server, submitter, marks)
        assert server.stop() == 0
    finally:
        submitter.over.set()
        if server.process is not None and server.process.poll() is None:
            server.kill()


def _all_is_well(server: Server, submitter: Submitter, marks: Path) -> None:
    with server.client() as client:
        jobs = _all_ended(client)
        assert {job.state for job in jobs} == {JobState.SUCCEEDED}, [j for j in jobs if j.state != "succeeded"][:5]
        assert set(submitter.acknowledged.values()) <= {job.id for job in jobs}
        assert len(set(submitter.acknowledged.values())) == len(submitter.acknowledged) > 10
        assert len({job.name for job in jobs}) == len(jobs), "one key became two jobs"
    ran = marks.read_text().split()
    assert len(ran) == len(set(ran)), f"ran twice: {sorted({j for j in ran if ran.count(j) > 1})}"
    assert set(ran) == {job.id for job in jobs}
    _nothing_is_left(server)
    verify = [sys.executable, "-m", "tauon.main", "--home", str(server.home), "admin", "verify"]
    checked = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _all_ended(client: Client) -> list[JobView]:
    deadline = time.monotonic() + 60
    jobs = client.jobs(JobQuery(limit=10_000))
    while not all(job.state.is_final for job in jobs):
        late = [(j.id, j.state, j.message) for j in jobs if not j.state.is_final][:10]
        assert time.monotonic() < deadline, f"not all ended: {late}"
        time.sleep(0.1)
        jobs = client.jobs(JobQuery(limit=10_000))
    return jobs


def _nothing_is_left(server: Server) -> None:
    deadline = time.monotonic() + 10
    while (left := processes_of(server.home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    mine = server.process.pid if server.process else 0
    left.pop(mine, None)
    assert not left, left
