"""Taking an attempt from the file of its order, once among however many batch jobs were submitted for it, and running it."""

from __future__ import annotations

import json
import os
import pwd
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tauon.supervision.node.across import GangAcross, launch_commands
from tauon.supervision.node.folders import AttemptFolder, Folders
from tauon.supervision.node.gang import Gang
from tauon.supervision.node.hand import Hand
from tauon.supervision.node.kernel import adopt_orphans, name_process
from tauon.supervision.node.order import SupervisionOrder, WorkerOrder
from tauon.supervision.node.report import Report, pigeonhole

_HEEDED = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_BASE = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "MODULEPATH")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How engines say which accelerators a process has; each is a list with one entry for each accelerator.
VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "GPU_DEVICE_ORDINAL")
_MAX_EXIT = 255
_LOOK_S = 5.0  # a note is found after so long even if no signal comes


def attend(order_file: Path) -> int:
    """Run the attempt unless another batch job has it; the exit code is that of the worker that failed first, else 0."""
    _settle()
    folder = AttemptFolder(order_file.parent)
    if not take(folder):
        return 0
    order: SupervisionOrder = json.loads(order_file.read_bytes())
    folders = Folders(Path(order["root"]))
    report = Report(order, folders, pigeonhole(folders))
    report.begin()
    gang: Gang
    if order["launch"]:
        commands = launch_commands(order["launch"], Path(__file__).with_name("batch.py"), order_file)
        gang = GangAcross(order, report, commands, _LOOK_S)
    else:
        order_file.unlink(missing_ok=True)
        complete(order["workers"], os.environ)
        gang = Gang(order, report, _LOOK_S)
    gang.run()
    return exit_code(gang)


def lend_a_hand(order_file: Path) -> int:
    """Run the workers of this machine, as the head says."""
    _settle()
    order: SupervisionOrder = json.loads(order_file.read_bytes())
    host = os.environ.get("SLURMD_NODENAME", "")
    complete([worker for worker in order["workers"] if worker["host"] == host], os.environ)
    Hand(order, host).run()
    return 0


def _settle() -> None:
    for number in _HEEDED:  # from here on a signal interrupts a wait and does nothing else
        signal.signal(number, lambda *_: None)
    name_process("tauon-attempt")
    adopt_orphans()


def complete(workers: list[WorkerOrder], found: Mapping[str, str]) -> None:
    """Add to the variables of this machine's workers what is known here only."""
    base = base_variables(found)
    seen = accelerators(found, [worker["accelerators"] for worker in workers])
    for worker, own in zip(workers, seen, strict=True):
        worker["env"] = {**base, **worker["env"], **own}


def take(folder: AttemptFolder) -> bool:
    """Whether this process may run the attempt: the first that makes the file does, whatever else shares the folder."""
    try:
        descriptor = os.open(folder.claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (FileExistsError, FileNotFoundError):  # taken; or forgotten and gone
        return False
    os.write(descriptor, os.environ.get("SLURM_JOB_ID", str(os.getpid())).encode())
    os.close(descriptor)
    return True


def base_variables(found: Mapping[str, str]) -> dict[str, str]:
    """What a program needs to find its way on this machine, and what the engine tells of the place it gave."""
    base = {"PATH": _PATH, "HOME": "/", "LANG": "C.UTF-8"}
    with suppress(KeyError):
        who = pwd.getpwuid(os.getuid())
        base |= {"HOME": who.pw_dir, "USER": who.pw_name, "LOGNAME": who.pw_name, "SHELL": who.pw_shell}
    base |= {name: found[name] for name in _BASE if name in found}
    return base | {name: value for name, value in found.items() if name.startswith("SLURM")}


def accelerators(found: Mapping[str, str], counts: list[int]) -> list[dict[str, str]]:
    """The part of the engine's accelerators on this machine that each of its workers gets, in their order."""
    given: list[dict[str, str]] = [{} for _ in counts]
    for name in VISIBLE:
        entries = [entry for entry in found.get(name, "").split(",") if entry]
        at = 0
        for own, count in zip(given, counts, strict=True):
            if entries or name == "CUDA_VISIBLE_DEVICES":
                own[name] = ",".join(entries[at : at + count])
            at += count
    indices = found.get("SLURM_STEP_GPUS") or found.get("SLURM_JOB_GPUS") or ""
    at = 0
    for own, count in zip(given, counts, strict=True):
        if indices and count:
            own["TAUON_ACCELERATORS"] = ",".join(indices.split(",")[at : at + count])
        at += count
    return given


def exit_code(gang: Gang) -> int:
    """What the engine's own records are to show."""
    failed = [code for code in gang.exits if code]
    return min(_MAX_EXIT, failed[0] if failed[0] > 0 else 128 - failed[0]) if failed else 0
