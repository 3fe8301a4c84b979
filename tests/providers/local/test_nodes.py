"""What a local pool says that it has: this machine, or what it was told to pretend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tauon.model.errors import ConfigError
from tauon.model.ids import PoolName
from tauon.model.money import Rates
from tauon.model.pool import Pool
from tauon.ports.providers import ProviderContext
from tauon.providers.local.machine import Machine, measure
from tauon.providers.local.mounts import CgroupPaths
from tauon.providers.local.nodes import amounts_of, pretend_nodes, real_nodes
from tauon.providers.local.nvml import Gpu, Nvml
from tauon.providers.local.options import LocalOptions, VirtualGpus, read_options
from tauon.providers.local.provider import LocalProvider
from tests.providers.local.fake_nvml import FakeNvml, loading

MACHINE = Machine(cpu_milli=16_000, memory_mib=64 * 1024, disk_mib=400 * 1024)


def a_pool(**options: Any) -> Pool:
    prices = {"H100": "2.5", "cpu": "0.03"}
    return Pool(name=PoolName("lab"), provider="local", region="eu", prices_usd_per_h=prices, options=options)


def test_a_pretended_node_has_its_accelerators_and_price() -> None:
    [node] = pretend_nodes(a_pool(), MACHINE, [VirtualGpus("H100", 8)])
    assert node.virtual
    assert node.id == "lab-1"
    shape = node.shape
    assert (shape.pool, shape.region) == ("lab", "eu")
    assert (shape.accelerator, shape.accelerator_count, shape.accelerator_memory_gib) == ("H100", 8, 80)
    assert (shape.cpu_milli, shape.memory_mib, shape.disk_mib) == MACHINE
    assert shape.rates == Rates(accelerator_micro_usd=2_500_000, cpu_micro_usd=30_000)
    assert len(set(node.accelerator_ids)) == 8


def test_pretended_nodes_share_memory_and_disk_but_show_all_cores() -> None:
    nodes = pretend_nodes(a_pool(), MACHINE, [VirtualGpus("H100", 8), VirtualGpus("A100", 4)])
    assert [node.id for node in nodes] == ["lab-1", "lab-2"]
    assert [node.shape.accelerator for node in nodes] == ["H100", "A100"]
    assert {node.shape.cpu_milli for node in nodes} == {16_000}
    assert sum(node.shape.memory_mib for node in nodes) == MACHINE.memory_mib
    assert sum(node.shape.disk_mib for node in nodes) == MACHINE.disk_mib


def test_a_machine_without_gpus_is_a_node_without_accelerators() -> None:
    [node] = real_nodes(a_pool(), MACHINE, [])
    assert not node.virtual
    assert (node.shape.accelerator, node.shape.accelerator_count, node.accelerator_ids) == ("", 0, ())
    assert node.shape.rates.accelerator_micro_usd == 0


def test_a_machine_with_gpus_is_a_node_that_names_them() -> None:
    [node] = real_nodes(a_pool(), MACHINE, [Gpu(0, "GPU-a", "H100", 80), Gpu(1, "GPU-b", "H100", 80)])
    assert (node.shape.accelerator, node.shape.accelerator_count) == ("H100", 2)
    assert node.accelerator_ids == ("GPU-a", "GPU-b")


def test_a_machine_with_mixed_gpus_is_divided_by_their_numbers() -> None:
    gpus = [
        Gpu(0, "GPU-a", "T4", 16),
        Gpu(1, "GPU-b", "H100", 80),
        Gpu(2, "GPU-c", "H100", 80),
        Gpu(3, "GPU-d", "H100", 80),
    ]
    small, large = real_nodes(a_pool(), MACHINE, gpus)
    assert (small.shape.accelerator, small.shape.cpu_milli) == ("T4", 4_000)
    assert (large.shape.accelerator, large.shape.cpu_milli) == ("H100", 12_000)
    assert large.accelerator_ids == ("GPU-b", "GPU-c", "GPU-d")


def test_amounts_are_as_configured_or_as_measured() -> None:
    assert amounts_of(LocalOptions(), MACHINE) == MACHINE
    given = LocalOptions(cpu=1.5, memory_gib=0.5, disk_gib=2)
    assert amounts_of(given, MACHINE) == Machine(cpu_milli=1_500, memory_mib=512, disk_mib=2_048)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"virtual_gpus": "H100:8"}, (VirtualGpus("H100", 8),)),
        ({"virtual_gpus": "h100"}, (VirtualGpus("H100", 1),)),
        ({"virtual_gpus": ["H100:8", "A100-80GB:4"]}, (VirtualGpus("H100", 8), VirtualGpus("A100", 4))),
        ({"virtual_gpus": ""}, ()),
        ({}, ()),
    ],
)
def test_virtual_gpus_are_written_as_requests_are(
    options: dict[str, object], expected: tuple[VirtualGpus, ...]
) -> None:
    assert read_options(a_pool(**options)).pretended == expected


@pytest.mark.parametrize(
    "options",
    [
        {"virtual_gpus": "H100:x"},
        {"virtual_gpus": ":8"},
        {"virtual_gpus": "H100:0"},
        {"virtual_gpus": 8},
        {"virtual_gpu": "H100:8"},
        {"log_max_mib": 0},
        {"cpu": "many"},
    ],
)
def test_options_that_mean_nothing_are_refused_with_the_pools_name(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="pool lab: options"):
        read_options(a_pool(**options))


def test_the_limits_of_a_container_are_the_machines(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "outer" / "memory.max").write_text(f"{1 << 30}\n", encoding="ascii")
    (inner / "memory.max").write_text("max\n", encoding="ascii")
    (inner / "cpu.max").write_text("50000 100000\n", encoding="ascii")
    found = measure(tmp_path, CgroupPaths({}, inner, tmp_path))
    assert found.cpu_milli == 500
    assert found.memory_mib == 1024 - 1024 // 20
    whole = measure(tmp_path, CgroupPaths({}, None, None))
    assert whole.cpu_milli >= 1000
    assert whole.memory_mib > found.memory_mib
    assert whole.disk_mib % 1024 == 0


@pytest.mark.anyio
async def test_real_gpus_become_the_pools_node_and_are_sampled(tmp_path: Path) -> None:
    fake = FakeNvml([("NVIDIA H100 80GB HBM3", 81559)] * 2)
    context = ProviderContext(
        pool=a_pool(), folder=tmp_path, instance="test", wake=lambda: None, blob_path=lambda digest: tmp_path / digest
    )
    provider = LocalProvider(context, Nvml(loading(fake)))
    [node] = (await provider.observe_nodes()).nodes
    assert (node.shape.accelerator, node.shape.accelerator_count, node.virtual) == ("H100", 2, False)
    provider._look_around()
    assert [use.utilisation_pct for use in provider.sample()] == [90.0, 91.0]
    await provider.close()
