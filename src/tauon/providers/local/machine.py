"""How much this machine has to give: cores, memory and disk, within what its container or control group may use."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tauon.providers.local.mounts import CgroupPaths

_UNLIMITED = 1 << 60
_KEPT_SHARE = 20  # a twentieth of the memory, at most a GiB, is left to the system and to Tauon itself
_KEPT_MIB_MAX = 1024


class Machine(NamedTuple):
    """Cores in thousandths, memory and disk in MiB."""

    cpu_milli: int
    memory_mib: int
    disk_mib: int


def measure(folder: Path, paths: CgroupPaths) -> Machine:
    """What there is now; the disk is what is free where `folder` lies, in whole GiB. Raises OSError."""
    memory_mib = min(_memory_total_mib(), _memory_limit(paths) >> 20)
    return Machine(
        cpu_milli=min(len(os.sched_getaffinity(0)) * 1000, _cpu_quota_milli(paths)),
        memory_mib=memory_mib - min(memory_mib // _KEPT_SHARE, _KEPT_MIB_MAX),
        disk_mib=(shutil.disk_usage(folder).free >> 30) << 10,
    )


def _memory_total_mib() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) >> 10
    raise OSError("/proc/meminfo does not say how much memory there is")


def _memory_limit(paths: CgroupPaths) -> int:
    limits = [_number(group / "memory.limit_in_bytes") for group in _upward(paths.controllers.get("memory"))]
    limits += [_number(group / "memory.max") for group in _upward(paths.unified)]
    return min(limits, default=_UNLIMITED)


def _cpu_quota_milli(paths: CgroupPaths) -> int:
    quotas = [_UNLIMITED]
    for group in _upward(paths.controllers.get("cpu")):
        with suppress(OSError, ValueError):
            quota = int((group / "cpu.cfs_quota_us").read_text(encoding="ascii"))
            period = int((group / "cpu.cfs_period_us").read_text(encoding="ascii"))
            quotas += [quota * 1000 // period] if quota > 0 else []
    for group in _upward(paths.unified):
        with suppress(OSError, ValueError):
            limit, period_text = (group / "cpu.max").read_text(encoding="ascii").split()
            quotas += [int(limit) * 1000 // int(period_text)] if limit != "max" else []
    return max(1, min(quotas))


def _upward(group: Path | None) -> list[Path]:
    """A group and those above it, whose limits hold for it too."""
    return [] if group is None else [group, *group.parents]


def _number(path: Path) -> int:
    with suppress(OSError, ValueError):  # "max", or no such file
        return int(path.read_text(encoding="ascii"))
    return _UNLIMITED
