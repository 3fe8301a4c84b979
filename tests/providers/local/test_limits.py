"""Limits by control groups: where they lie, what is written into them, and that they are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tauon.model.resources import Resources
from tauon.providers.local.limits import LegacyLimits, NoLimits, UnifiedLimits, find_limits
from tauon.providers.local.mounts import CgroupPaths, find_cgroups
from tauon.supervision.node.cgroup import oom_kills
from tauon.supervision.node.folders import Folders
from tauon.supervision.tracking import read_status
from tests.builders import a_request
from tests.providers.contract import FOREVER
from tests.providers.local.world import LocalWorld

AMOUNTS = Resources(cpu_milli=1500, memory_mib=512)
SYSTEMD = """\
24 29 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
25 29 0:23 / /proc rw shared:10 - proc proc rw
"""
LEGACY = """\
31 29 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
32 29 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct
33 29 0:29 /docker/abc /sys/fs/cgroup/memory rw shared:12 - cgroup cgroup rw,memory
"""


def a_proc(folder: Path, mounts: str, own: str) -> Path:
    (folder / "mountinfo").write_text(mounts, encoding="ascii")
    (folder / "cgroup").write_text(own, encoding="ascii")
    return folder


def test_our_group_is_found_in_the_unified_tree(tmp_path: Path) -> None:
    paths = find_cgroups(a_proc(tmp_path, SYSTEMD, "0::/system.slice/tauon.service/server\n"))
    assert paths.unified == Path("/sys/fs/cgroup/system.slice/tauon.service/server")
    assert paths.unified_root == Path("/sys/fs/cgroup")
    assert paths.controllers == {}


def test_our_groups_are_found_in_the_trees_of_version_1(tmp_path: Path) -> None:
    own = "4:memory:/docker/abc\n3:cpu,cpuacct:/user\n0::/\n"
    paths = find_cgroups(a_proc(tmp_path, LEGACY, own))
    assert paths.controllers["cpu"] == Path("/sys/fs/cgroup/cpu,cpuacct/user")
    assert paths.controllers["memory"] == Path("/sys/fs/cgroup/memory")
    assert paths.unified == Path("/sys/fs/cgroup/unified")


def test_a_system_without_control_groups_limits_nothing(tmp_path: Path) -> None:
    paths = find_cgroups(tmp_path / "nowhere")
    assert paths == CgroupPaths({}, None, None)
    limits = find_limits(paths, cpu=True, memory=True)
    assert (limits.cpu, limits.memory) == (False, False)
    assert limits.order("name", AMOUNTS) == ([], "")


def test_limits_that_are_not_wanted_are_not_set() -> None:
    assert isinstance(find_limits(find_cgroups(), cpu=False, memory=False), NoLimits)


def test_a_folder_that_is_no_control_group_is_of_no_use(tmp_path: Path) -> None:
    limits = find_limits(
        CgroupPaths({"cpu": tmp_path, "memory": tmp_path}, tmp_path / "a", tmp_path), cpu=True, memory=True
    )
    assert isinstance(limits, NoLimits)
    assert list(tmp_path.iterdir()) == []


def test_version_1_has_a_group_in_each_tree(tmp_path: Path) -> None:
    cpu, memory = tmp_path / "cpu", tmp_path / "memory"
    memory.mkdir()
    (memory / "memory.memsw.limit_in_bytes").touch()
    order = LegacyLimits(cpu, memory).order("w", AMOUNTS)
    assert settings_of(order.cgroups) == {
        str(cpu / "w"): {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"},
        str(memory / "w"): {"memory.limit_in_bytes": str(512 << 20), "memory.memsw.limit_in_bytes": str(512 << 20)},
    }
    assert order.oom_file == str(memory / "w" / "memory.oom_control")


def test_version_2_has_one_group_with_what_the_kernel_offers(tmp_path: Path) -> None:
    offered = frozenset({"cpu.max", "memory.max", "memory.oom.group"})
    order = UnifiedLimits(tmp_path, offered).order("w", AMOUNTS)
    expected = {"cpu.max": "150000 100000", "memory.max": str(512 << 20), "memory.oom.group": "1"}
    assert settings_of(order.cgroups) == {str(tmp_path / "w"): expected}
    assert order.oom_file == str(tmp_path / "w" / "memory.events")


@pytest.mark.parametrize(
    "limits", [LegacyLimits(Path("/c"), Path("/m")), UnifiedLimits(Path("/u"), frozenset({"cpu.max"}))]
)
def test_an_amount_of_nothing_is_no_limit(limits: LegacyLimits | UnifiedLimits) -> None:
    assert limits.order("w", Resources()) == ([], "")


def settings_of(groups: Sequence[object]) -> dict[str, dict[str, str]]:
    return {group["path"]: dict(group["settings"]) for group in groups}  # type: ignore[index]


def test_out_of_memory_kills_are_read_in_both_versions(tmp_path: Path) -> None:
    counter = tmp_path / "memory.events"
    counter.write_text("low 0\noom 2\noom_kill 3\noom_group_kill 1\n", encoding="ascii")
    assert oom_kills(str(counter)) == 3
    assert oom_kills(str(tmp_path / "gone")) == 0
    assert oom_kills("") == 0


@pytest.mark.anyio
async def test_groups_are_there_while_a_worker_runs_and_gone_after_it(world: LocalWorld) -> None:
    provider = await world.open()
    if not provider.capabilities().limits_memory:
        pytest.skip("no control groups can be made here")
    request = a_request(gpus=0, cpu=0.5, memory_mib=64, workers=2)
    order = world.order(FOREVER, workers=2, request=request, resources={"cpu": 0.5})
    attempt = await world.started(provider, order)
    status = read_status(Folders(world.folder / "provider").attempt(attempt))
    assert status is not None
    groups = [Path(path) for path in status["cgroups"]]
    assert groups
    for group in groups:
        rank = int(group.name.rpartition("-")[2])
        assert str(status["workers"][rank]["pid"]) in (group / "cgroup.procs").read_text(encoding="ascii").split()
    await provider.stop([world.stop_order(attempt)])
    await world.ended(provider, attempt)
    assert [group for group in groups if group.exists()] == []


@pytest.mark.anyio
async def test_limits_can_be_switched_off(tmp_path: Path) -> None:
    world = LocalWorld(tmp_path, limit_cpu=False, limit_memory=False)
    provider = await world.open()
    capabilities = provider.capabilities()
    assert (capabilities.limits_cpu, capabilities.limits_memory) == (False, False)
    order = world.order("true", request=a_request(gpus=0, cpu=0.01, memory_mib=1))
    assert (await world.ran(provider, order)).exit_codes == (0,)
    await world.finish()
