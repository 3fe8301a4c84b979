"""A module that answers as pynvml is documented to; the only stand-in here, for the tests run where no GPU is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

MIB = 1 << 20


class FakeError(Exception):
    """pynvml.NVMLError."""


class FakeNvml:
    """A driver with GPUs of these product names; what a GPU is not `asked_well` it can't tell."""

    NVMLError = FakeError
    NVML_DEVICE_MIG_ENABLE = 1
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, products: Sequence[tuple[str, int]], *, without: Sequence[str] = ()) -> None:
        self.products = products  # product name and memory in MiB
        self.without = without  # questions that this driver does not answer
        self.fallen: set[int] = set()
        self.divided: set[int] = set()
        self.is_open = False

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("nvml") and name in self.without:
            return refuse
        return super().__getattribute__(name)

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's names
        self.is_open = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.products)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index in self.fallen:
            raise FakeError("GPU is lost")
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:  # noqa: N802
        return self.nvmlDeviceGetHandleByIndex(int(uuid.rpartition("-")[2]))

    def nvmlDeviceGetMigMode(self, handle: int) -> list[int]:  # noqa: N802
        return [int(handle in self.divided), 0]

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return self.products[handle][0]

    def nvmlDeviceGetUUID(self, handle: int) -> bytes:  # noqa: N802 - older releases answer bytes
        return f"GPU-5f3a-{handle}".encode()

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=self.products[handle][1] * MIB, used=1024 * MIB, free=0)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(gpu=90 + handle, memory=30)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:  # noqa: N802
        return [SimpleNamespace(pid=100 + handle, usedGpuMemory=512 * MIB)] * (handle + 1)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        return 412_500

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        assert sensor == self.NVML_TEMPERATURE_GPU
        return 61


def refuse(*about: object) -> None:
    raise FakeError("Not Supported")


def loading(fake: FakeNvml) -> Callable[[], Any]:
    return lambda: fake
