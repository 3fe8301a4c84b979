"""The demo's programs as a provider would start them: one process for each worker, with the variables of an attempt."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tauon.cli.demo.mix import FOLDER

PATIENCE_S = 120


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Program:
    """One job's program in a folder of its own; its checkpoint folder is the same for all attempts."""

    def __init__(self, name: str, folder: Path, *, workers: int = 1, **env: object) -> None:
        self._name = name
        self._folder = folder
        self._workers = workers
        self._env = {key: str(value) for key, value in env.items()}
        self._attempts = 0
        self.checkpoint = folder / "checkpoint"
        self.results = folder / "results"
        for path in (self.checkpoint, self.results):
            path.mkdir(exist_ok=True)

    @contextmanager
    def attempt(self) -> Iterator[list[subprocess.Popen[str]]]:
        """The workers of the next attempt; those that still run at the end are killed."""
        self._attempts += 1
        shared = self._variables()
        workers = [
            subprocess.Popen(
                [sys.executable, "-u", FOLDER / f"{self._name}.py"],
                cwd=self._folder,
                env=shared | {"RANK": str(rank)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for rank in range(self._workers)
        ]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.kill()
                worker.communicate()

    def _variables(self) -> dict[str, str]:
        own = {
            "TAUON_CHECKPOINT_DIR": str(self.checkpoint),
            "TAUON_CHECKPOINT_INTERVAL_S": "0.05",
            "TAUON_ATTEMPT_NUMBER": str(self._attempts),
            "TAUON_RESTART_COUNT": str(self._attempts - 1),
            "RESULTS_DIR": str(self.results),
            "WORLD_SIZE": str(self._workers),
            "LOCAL_RANK": "0",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(a_free_port()),
            "OMP_NUM_THREADS": "1",
        }
        # As at a provider, little of the environment comes along, so that bytecode is kept whatever is set here.
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._folder), **own, **self._env}

    def run(self) -> tuple[list[int], str]:
        """One attempt to its end: the workers' exit codes, and what the first of them wrote."""
        with self.attempt() as workers:
            written = [worker.communicate(timeout=PATIENCE_S)[0] for worker in workers]
            return [worker.returncode for worker in workers], written[0]


def read_until(worker: subprocess.Popen[str], start: str) -> str:
    """Read what a worker writes up to the line that begins so; returns that line."""
    assert worker.stdout is not None
    for line in worker.stdout:
        if line.startswith(start):
            return line
    raise AssertionError(f"it ended without writing a line that begins with {start!r}")


def number_in(pattern: str, text: str) -> float:
    """The number that a line of the text reports."""
    found = re.search(pattern, text, flags=re.MULTILINE)
    assert found, f"no {pattern!r} in:\n{text}"
    return float(found[1])
