"""Limits of cores and memory by control groups, where the system lets us have them; what it doesn't is said, not assumed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from tauon.model.resources import Resources
from tauon.providers.local.mounts import CgroupPaths
from tauon.supervision.node.order import CgroupOrder

_PERIOD_US = 100_000
_MIN_QUOTA_US = 1_000  # the kernel's least


class LimitOrder(NamedTuple):
    """The groups to make for one worker, and the file that counts its out-of-memory kills ("" without such a limit)."""

    cgroups: list[CgroupOrder]
    oom_file: str


class Limits(Protocol):
    """What this system can hold a worker to."""

    @property
    def cpu(self) -> bool: ...

    @property
    def memory(self) -> bool: ...

    def order(self, name: str, amounts: Resources) -> LimitOrder:
        """What the supervisor is to set for a worker of this name; an amount of 0 sets no limit."""
        ...


class NoLimits:
    """Workers may take what they get."""

    cpu = False
    memory = False

    def order(self, name: str, amounts: Resources) -> LimitOrder:  # noqa: ARG002 - the protocol's
        return LimitOrder([], "")


class LegacyLimits:
    """Version 1: a tree for each controller; groups are made below our own, so that ours hold for them too."""

    def __init__(self, cpu: Path | None, memory: Path | None) -> None:
        self._cpu = cpu
        self._memory = memory
        self.cpu = cpu is not None
        self.memory = memory is not None

    def order(self, name: str, amounts: Resources) -> LimitOrder:
        cgroups: list[CgroupOrder] = []
        oom_file = ""
        if self._cpu is not None and amounts.cpu_milli:
            settings = [("cpu.cfs_period_us", str(_PERIOD_US)), ("cpu.cfs_quota_us", str(_quota_us(amounts)))]
            cgroups.append(CgroupOrder(path=str(self._cpu / name), settings=settings))
        if self._memory is not None and amounts.memory_mib:
            size = str(amounts.memory_mib << 20)
            settings = [("memory.limit_in_bytes", size)]
            if (self._memory / "memory.memsw.limit_in_bytes").exists():
                settings.append(("memory.memsw.limit_in_bytes", size))  # no swap instead
            path = self._memory / name
            cgroups.append(CgroupOrder(path=str(path), settings=settings))
            oom_file = str(path / "memory.oom_control")
        return LimitOrder(cgroups, oom_file)


class UnifiedLimits:
    """Version 2: one tree; groups are made in a part of it that was delegated to us. `files` are a group's settings."""

    def __init__(self, parent: Path, files: frozenset[str]) -> None:
        self._parent = parent
        self._files = files
        self.cpu = "cpu.max" in files
        self.memory = "memory.max" in files

    def order(self, name: str, amounts: Resources) -> LimitOrder:
        path = self._parent / name
        wanted: list[tuple[str, str]] = []
        if amounts.cpu_milli:
            wanted.append(("cpu.max", f"{_quota_us(amounts)} {_PERIOD_US}"))
        if amounts.memory_mib:
            wanted.append(("memory.max", str(amounts.memory_mib << 20)))
            wanted.append(("memory.swap.max", "0"))
            wanted.append(("memory.oom.group", "1"))  # a worker that lost one of its processes may hang: all or none
        settings = [(file, value) for file, value in wanted if file in self._files]
        cgroups = [CgroupOrder(path=str(path), settings=settings)] if settings else []
        return LimitOrder(cgroups, str(path / "memory.events") if self.memory and amounts.memory_mib else "")


def find_limits(paths: CgroupPaths, *, cpu: bool, memory: bool) -> Limits:
    """What can be limited here of what is wanted; tried out, for permissions and containers say little beforehand."""
    if not cpu and not memory:
        return NoLimits()
    legacy = LegacyLimits(
        _usable(paths.controllers.get("cpu"), "cpu.cfs_quota_us") if cpu else None,
        _usable(paths.controllers.get("memory"), "memory.limit_in_bytes") if memory else None,
    )
    if legacy.cpu or legacy.memory:
        return legacy
    wanted: set[str] = {"cpu.max"} if cpu else set()
    wanted |= {"memory.max", "memory.swap.max", "memory.oom.group"} if memory else set()
    for parent in _delegated(paths):
        files = _files_of_groups_in(parent, {file.partition(".")[0] for file in wanted}) & wanted
        if files & {"cpu.max", "memory.max"}:
            return UnifiedLimits(parent, frozenset(files))
    return NoLimits()


def _quota_us(amounts: Resources) -> int:
    return max(_MIN_QUOTA_US, amounts.cpu_milli * _PERIOD_US // 1000)


def _usable(parent: Path | None, setting: str) -> Path | None:
    """The folder, if groups made in it have this setting and we may use it."""
    if parent is None:
        return None
    with suppress(OSError), _probe_group(parent) as group:
        if os.access(group / setting, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK):
            return parent
    return None


@contextmanager
def _probe_group(parent: Path) -> Iterator[Path]:
    group = parent / f"tauon-probe-{os.getpid()}-{threading.get_ident()}"
    group.mkdir()
    try:
        yield group
    finally:
        group.rmdir()


def _delegated(paths: CgroupPaths) -> Iterator[Path]:
    """Groups above our own in the version-2 tree that are ours to divide, the nearest first.

    Only those above: a group that divides controllers among its children may hold no process itself. To another user
    than root a writable group was delegated; root can write everywhere, so systemd's mark must be on it or above it.
    """
    if paths.unified is None or paths.unified_root is None or not paths.unified.is_relative_to(paths.unified_root):
        return
    above = [path for path in paths.unified.parents if path.is_relative_to(paths.unified_root)]
    for index, path in enumerate(above):
        may_write = all(os.access(one, os.W_OK) for one in (path, path / "cgroup.procs"))
        if may_write and (os.geteuid() != 0 or any(map(_is_marked, above[index:]))):
            yield path


def _is_marked(group: Path) -> bool:
    for attribute in ("user.delegate", "trusted.delegate"):
        with suppress(OSError):
            if os.getxattr(group, attribute) == b"1":
                return True
    return False


def _files_of_groups_in(parent: Path, controllers: set[str]) -> set[str]:
    """The settings that a group made here has, after handing down the controllers where they are not handed down yet."""
    for name in sorted(controllers):
        with suppress(OSError):  # not there, or not to be had
            (parent / "cgroup.subtree_control").write_text(f"+{name}", encoding="ascii")
    with suppress(OSError), _probe_group(parent) as group:
        return {path.name for path in group.iterdir() if os.access(path, os.W_OK)}
    return set()
