"""A real Slurm of the test's own: munge, a controller and a few pretended 8-GPU nodes, all on this machine's loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

NEEDED = ("sbatch", "squeue", "sinfo", "scancel", "scontrol", "slurmctld", "slurmd", "munged")
PATIENCE_S = 60.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONF = """
ClusterName=test
SlurmctldHost=localhost
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=5,sched_min_interval=20000,default_queue_depth=1000,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
{accounting}
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completion.log
GresTypes=gpu
MaxJobCount=20000
MinJobAge={forget_s}
KillWait=2
MessageTimeout={timeout_s}
DefMemPerCPU=1000
NodeName=n[1-{nodes}] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=64 RealMemory=1000000 \
TmpDisk=100000 Gres=gpu:h100:8 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""
_GRES = """
AutoDetect=off
NodeName=n[1-{nodes}] Name=gpu Type=h100 File={folder}/dev/nvidia[0-7]
"""


def missing() -> str:
    """Why there can be no Slurm here, or an empty string."""
    absent = [name for name in NEEDED if shutil.which(name, path=_PATH) is None]
    if absent:
        return f"Slurm is not installed (no {', '.join(absent)}); on Debian: apt-get install slurm-wlm munge"
    return ""


class Cluster:
    """Started by `start`; `close` ends every process of it."""

    def __init__(self, folder: Path, *, nodes: int = 4, timeout_s: int = 3, forget_s: int = 300) -> None:
        self.folder = folder
        self.nodes = nodes
        self.conf = folder / "slurm.conf"
        self.environment = {"PATH": _PATH, "SLURM_CONF": str(self.conf), "LC_ALL": "C"}
        self._timeout_s = timeout_s
        self._forget_s = forget_s
        self.accounting = "AccountingStorageType=accounting_storage/none"
        self.is_up = False
        self._ports = [0]
        self._children: list[subprocess.Popen[bytes]] = []
        self._controller: subprocess.Popen[bytes] | None = None

    # The daemons

    def start(self) -> None:
        """Write the configuration, start everything, and return when all nodes are idle."""
        for name in ("state", "spool", "dev"):
            (self.folder / name).mkdir(mode=0o700, parents=True)
        self._ports = free_ports(self.nodes + 1)
        self._start_munge()
        self.begin_accounting()
        self.write()
        self.start_controller(clean=True)
        for number in range(1, self.nodes + 1):
            (self.folder / "spool" / f"n{number}").mkdir()
            self.spawn(["slurmd", "-D", "-N", f"n{number}"])
        self.wait(self._nodes_answer)
        self.is_up = True

    def begin_accounting(self) -> None:
        """Start what keeps accounts, where there is such a thing."""

    def start_controller(self, *, clean: bool = False) -> None:
        """Start slurmctld, on the state that it left unless `clean`."""
        self._controller = self.spawn(["slurmctld", "-D", *(["-c"] if clean else [])])
        self.wait(self._listens)  # a command would wait for seconds before it tries again
        self.wait(lambda: "is UP" in self.command("scontrol", "ping"))
        if self.is_up:
            self.wait(self._nodes_answer)

    def stop_controller(self) -> None:
        """End slurmctld, as for a restart; jobs run on."""
        assert self._controller is not None
        self._controller.terminate()
        self._controller.wait(PATIENCE_S)
        self._children.remove(self._controller)

    def close(self) -> None:
        """End the controller first, then the nodes with what runs on them, then munge."""
        for child in reversed(self._children):
            child.terminate()
        for child in reversed(self._children):
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children.clear()

    # Commands

    def command(self, *arguments: str) -> str:
        """The output of one of Slurm's commands, its complaints included."""
        done = subprocess.run(
            arguments, env=self.environment, cwd="/", capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        return done.stdout + done.stderr

    def submit(self, *options: str, run: str = "exec sleep 3600") -> int:
        """A job of somebody who has nothing to do with Tauon; returns its id."""
        said = self.command("sbatch", "--parsable", "--output=/dev/null", *options, f"--wrap={run}")
        assert said.strip().isdigit(), said
        return int(said)

    def state(self, job: int) -> str:
        return self.command("squeue", "-h", "-t", "all", "-j", str(job), "-o", "%T").strip()

    def live_jobs(self) -> list[str]:
        """Every job that is not over, in words."""
        return self.command("squeue", "-h", "-a", "-o", "%i %T %j").splitlines()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Return when it holds; a daemon that has ended meanwhile is a failure with its log."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not condition():
            ended = [child.args for child in self._children if child.poll() is not None]
            if ended or time.monotonic() > give_up_s:
                raise AssertionError(f"Slurm does not come up; ended: {ended}\n{self._logs()}")
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._ports[0])) == 0

    def _nodes_answer(self) -> bool:
        states = self.command("sinfo", "-h", "-N", "-p", "main", "-o", "%t").split()
        return len(states) == self.nodes and set(states) <= {"idle", "mix", "alloc", "comp"}

    def _logs(self) -> str:
        texts = []
        for path in sorted(self.folder.glob("*.log")):
            with suppress(OSError):
                texts.append(f"== {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:]))
        return "\n".join(texts)

    # Making it

    def write(self) -> None:
        """Write the configuration."""
        for index in range(8):  # a device is wanted, whichever: no GPU is needed
            device = self.folder / "dev" / f"nvidia{index}"
            device.unlink(missing_ok=True)
            device.symlink_to("/dev/null")
        values = {
            "folder": self.folder,
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "nodes": self.nodes,
            "port": self._ports[0],
            "first": self._ports[1],
            "last": self._ports[-1],
            "timeout_s": self._timeout_s,
            "forget_s": self._forget_s,
            "accounting": self.accounting,
        }
        self.conf.write_text(_CONF.format(**values), encoding="ascii")
        (self.folder / "gres.conf").write_text(_GRES.format(**values), encoding="ascii")

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        socket_path = self.folder / "munge.sock"
        names = {"key-file": key, "socket": socket_path, "pid-file": self.folder / "munged.pid"}
        names |= {"log-file": self.folder / "munged.log", "seed-file": self.folder / "munge.seed"}
        self.spawn(["munged", "--foreground", "--force", *(f"--{name}={path}" for name, path in names.items())])
        self.wait(socket_path.exists)

    def spawn(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "daemons.log").open("ab") as log:
            child = subprocess.Popen(
                arguments, env=self.environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._children.append(child)
        return child


def free_ports(count: int) -> list[int]:
    """Ports in a row that nobody listens on now."""
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        ports = list(range(first, first + count))
        if ports[-1] < 65536 and all(_is_free(port) for port in ports):
            return ports
    raise AssertionError(f"no {count} free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
