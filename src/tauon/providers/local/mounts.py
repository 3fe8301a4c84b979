"""Where the control groups of this process lie, in the file systems of version 1 and version 2."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import NamedTuple


class CgroupPaths(NamedTuple):
    """Our own group's folder for each version-1 controller that is mounted, and in the version-2 tree if there is one.

    `unified_root` is the top of that tree as it can be seen from here.
    """

    controllers: dict[str, Path]
    unified: Path | None
    unified_root: Path | None


def find_cgroups(proc: Path = Path("/proc/self")) -> CgroupPaths:
    """Read what the kernel says of us (see cgroups(7)); empty where there are none."""
    try:
        mounts = (proc / "mountinfo").read_text(encoding="utf-8").splitlines()
        own = (proc / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return CgroupPaths({}, None, None)
    paths: dict[str, str] = {}
    for line in own:
        _, names, path = line.split(":", 2)
        for name in names.split(","):  # version 2 has no names: the empty one
            paths[name] = path
    controllers: dict[str, Path] = {}
    unified = unified_root = None
    for line in mounts:
        left, _, right = line.partition(" - ")
        _, _, _, root, point, *_ = left.split()
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" and "" in paths:
            unified, unified_root = _below(point, root, paths[""]), Path(point)
        elif kind == "cgroup":
            for name in options.split(","):
                if name in paths and name not in ("rw", "ro", ""):
                    controllers[name] = _below(point, root, paths[name])
    return CgroupPaths(controllers, unified, unified_root)


def _below(point: str, root: str, path: str) -> Path:
    """The folder of a group, where only the part of the tree under `root` is mounted at `point` (as in a container)."""
    group = PurePosixPath(path)
    inside = group.relative_to(root) if group.is_relative_to(root) else PurePosixPath(path.lstrip("/"))
    return Path(point) / inside
