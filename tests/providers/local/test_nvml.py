"""GPUs are found and sampled through NVML as far as it tells, and their absence is no error."""

from __future__ import annotations

import pytest

from tauon.model.ids import NodeId
from tauon.providers.local.nvml import Gpu, Nvml
from tauon.providers.local.sampling import GpuSampler
from tests.builders import a_node
from tests.providers.local.fake_nvml import FakeError, FakeNvml, loading

H100 = ("NVIDIA H100 80GB HBM3", 81559)
L4 = ("NVIDIA L4", 23034)


def test_gpus_are_found_in_the_drivers_order() -> None:
    nvml = Nvml(loading(FakeNvml([H100, L4])))
    assert nvml.gpus() == [Gpu(0, "GPU-5f3a-0", "H100", 80), Gpu(1, "GPU-5f3a-1", "L4", 24)]


def test_a_lost_gpu_and_a_divided_one_are_left_out() -> None:
    fake = FakeNvml([H100, H100, H100])
    fake.fallen, fake.divided = {0}, {2}
    assert [gpu.place for gpu in Nvml(loading(fake)).gpus()] == [1]


def test_an_unknown_product_has_the_memory_that_was_measured() -> None:
    nvml = Nvml(loading(FakeNvml([("NVIDIA TITAN V", 12066)])))
    assert nvml.gpus() == [Gpu(0, "GPU-5f3a-0", "TITAN-V", 12)]


def test_no_driver_is_no_gpu() -> None:
    nvml = Nvml(lambda: None)
    assert nvml.gpus() == []
    assert nvml.sample("GPU-5f3a-0") is None


def test_a_driver_that_can_not_be_opened_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeNvml([H100])

    def fail() -> None:
        raise FakeError("Driver/library version mismatch")

    monkeypatch.setattr(fake, "nvmlInit", fail)
    assert Nvml(loading(fake)).gpus() == []


def test_the_library_is_closed_at_the_end() -> None:
    fake = FakeNvml([H100])
    nvml = Nvml(loading(fake))
    nvml.gpus()
    assert fake.is_open
    nvml.close()
    assert not fake.is_open


def test_every_real_gpu_is_sampled() -> None:
    sampler = GpuSampler(Nvml(loading(FakeNvml([H100, H100]))))
    real = a_node("n1", gpus=2, accelerator_ids=("GPU-5f3a-0", "GPU-5f3a-1"))
    pretended = a_node("n2", gpus=1, accelerator_ids=("virtual-1-0",), virtual=True)
    sampler.sample([real, pretended])
    first, second = sampler.newest
    assert (first.node, first.index, first.utilisation_pct) == (NodeId("n1"), 0, 90.0)
    assert (first.memory_used_mib, first.memory_total_mib, first.power_w, first.temperature_c) == (
        1024,
        81559,
        412.5,
        61,
    )
    assert (second.index, second.utilisation_pct) == (1, 91.0)
    assert (first.processes, second.processes) == (1, 2)


def test_what_a_gpu_does_not_tell_is_not_made_up() -> None:
    fake = FakeNvml([H100], without=["nvmlDeviceGetPowerUsage", "nvmlDeviceGetUtilizationRates"])
    use = Nvml(loading(fake)).sample("GPU-5f3a-0")
    assert use is not None
    assert (use.power_w, use.utilisation_pct, use.temperature_c) == (None, None, 61.0)


def test_a_gpu_that_fell_off_the_bus_is_not_sampled() -> None:
    fake = FakeNvml([H100, H100])
    sampler = GpuSampler(Nvml(loading(fake)))
    fake.fallen = {0}
    sampler.sample([a_node("n1", gpus=2, accelerator_ids=("GPU-5f3a-0", "GPU-5f3a-1"))])
    assert [use.index for use in sampler.newest] == [1]
