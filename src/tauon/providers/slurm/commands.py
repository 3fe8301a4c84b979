"""Running Slurm's commands: with nothing of the server's variables, never for longer than allowed, with typed errors."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tauon.model.errors import NotReady, ProviderError, QuotaExceeded, Rejected
from tauon.providers.slurm.options import SlurmOptions

RETRY_S = 2.0
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "SLURM_CONF", "LD_LIBRARY_PATH", "TZ")
_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/slurm/bin"
_PREFIX = re.compile(r"^(?:sbatch|squeue|sinfo|sacct|scancel|scontrol|slurm_\w+): (?:error|fatal): ", re.MULTILINE)

# (what the message holds, what it means), the first that fits counts. The texts are those of Slurm's slurm_errno.c.
_QUOTA = re.compile(r"violates accounting|QOS policy|limit exceeded|AssocMax|AssocGrp|QOSMax|QOSGrp", re.IGNORECASE)
_REJECTED = re.compile(
    r"invalid|not permitted|not available|not enabled|denied|unrecognized option|more processors|requested|"
    r"required|unsupported|No partition|can.t be|zero|too long",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"unable to contact|connection refused|connection timed out|socket timed out|temporarily|try again|"
    r"communication|authentication|munge|credential|zero bytes|not responding|Unable to establish|in (?:standby|backup)|"
    r"no route|configuration source|fetch|Unable to open|Can.t open|timed out|Slurm controller|busy|I/O error",
    re.IGNORECASE,
)


class Commands:
    """The commands of one cluster. Its methods block; they may be called from any thread."""

    def __init__(self, options: SlurmOptions) -> None:
        self._folder = options.commands
        self._timeout_s = options.command_timeout_s
        self.environment = {"PATH": _PATH} | {n: os.environ[n] for n in _INHERITED if n in os.environ}
        self.environment |= {"LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"}
        if options.conf:
            self.environment["SLURM_CONF"] = options.conf

    def path(self, name: str) -> str:
        """The command's path where a folder is configured, else its name."""
        return str(Path(self._folder) / name) if self._folder else name

    def run(self, name: str, *arguments: str) -> str:
        """The standard output. Raises NotReady, Rejected, QuotaExceeded."""
        code, said, complaint = self.attempt(name, *arguments)
        if code:
            raise explain(name, complaint or said)
        return said

    def attempt(self, name: str, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error. Raises NotReady when there is none in time."""
        try:
            done = subprocess.run(
                [self.path(name), *arguments],
                env=self.environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            problem = f"{name} has not answered for {self._timeout_s:g} s; is slurmctld up?"
            raise NotReady(problem, retry_after_s=RETRY_S) from None
        except OSError as error:
            problem = (
                f"{name} can't be run ({error.strerror or error}); install Slurm's commands on the server's machine"
            )
            raise NotReady(problem, retry_after_s=RETRY_S) from None
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def explain(name: str, complaint: str) -> ProviderError:
    """The error that a command's complaint stands for; what is not understood may pass, so it is tried again."""
    text = "; ".join(line for line in _PREFIX.sub("", complaint).splitlines() if line.strip()) or "no message"
    said = f"Slurm's {name}: {text}"
    if _QUOTA.search(complaint):
        return QuotaExceeded(f"{said}. Ask Slurm's administrator for more, or run less at once")
    if _TRANSIENT.search(complaint):
        return NotReady(f"{said}. It is tried again", retry_after_s=RETRY_S)
    if _REJECTED.search(complaint):
        return Rejected(f"{said}. Check the pool's options and what the job asks for")
    return NotReady(f"{said}. It is tried again", retry_after_s=RETRY_S)


def is_gone(complaint: str) -> bool:
    """Whether a command only complains that a job has ended or never was."""
    return "Invalid job id" in complaint or "already completing or completed" in complaint
