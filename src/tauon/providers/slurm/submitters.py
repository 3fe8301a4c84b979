"""Shells that stand ready to run `sbatch`: for each of many jobs that costs a fork of a small process, not one of ours."""

from __future__ import annotations

import os
import queue
import select
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress

from tauon.model.errors import NotReady
from tauon.providers.slurm.commands import RETRY_S, Commands, explain

_END = b"\x1e\n"  # no word of sbatch's
_LOOP = """while read -r script; do
    said=$({sbatch} --parsable "$script" 2>&1 </dev/null)
    printf '%s %s\\n\\036\\n' "$?" "$said"
done"""


class Submitters:
    """As many shells as submit at once. Its methods block; they may be called from any thread."""

    def __init__(self, commands: Commands, timeout_s: float) -> None:
        self.commands = commands
        self._timeout_s = timeout_s
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._all: set[subprocess.Popen[bytes]] = set()

    def submit(self, script: str) -> int:
        """The id of the job that the script, by its path, has become. Raises ProviderError."""
        shell = self._take()
        try:
            code, said = self._ask(shell, script)
        except (OSError, ValueError, TimeoutError):
            self._end(shell)
            problem = f"sbatch has not answered for {self._timeout_s:g} s; is slurmctld up?"
            raise NotReady(problem, retry_after_s=RETRY_S) from None
        self._idle.put(shell)
        number = said.splitlines()[-1].partition(";")[0] if said else ""
        if code or not number.isdigit():
            raise explain("sbatch", said)
        return int(number)

    def close(self) -> None:
        """End the shells; what they have submitted stays."""
        with self._lock:
            shells = list(self._all)
        for shell in shells:
            self._end(shell)

    def _take(self) -> subprocess.Popen[bytes]:
        with suppress(queue.Empty):
            return self._idle.get_nowait()
        loop = _LOOP.format(sbatch=shlex.quote(self.commands.path("sbatch")))
        try:
            shell = subprocess.Popen(
                ["/bin/sh", "-c", loop],
                env=self.commands.environment,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise NotReady(f"no shell can be started: {error}", retry_after_s=RETRY_S) from None
        with self._lock:
            self._all.add(shell)
        return shell

    def _ask(self, shell: subprocess.Popen[bytes], script: str) -> tuple[int, str]:
        """What sbatch said, and its exit code. Raises OSError, ValueError, TimeoutError."""
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(f"{script}\n".encode())
        poll = select.poll()
        poll.register(shell.stdout, select.POLLIN)
        give_up_s = time.monotonic() + self._timeout_s
        said = b""
        while not said.endswith(_END):
            if not poll.poll(max(0.0, give_up_s - time.monotonic()) * 1000):
                raise TimeoutError
            piece = os.read(shell.stdout.fileno(), 1 << 16)
            if not piece:
                raise OSError("the shell has ended")
            said += piece
        code, _, text = said.removesuffix(_END).decode(errors="replace").partition(" ")
        return int(code), text.strip()

    def _end(self, shell: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._all.discard(shell)
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        for pipe in (shell.stdin, shell.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        shell.wait()
