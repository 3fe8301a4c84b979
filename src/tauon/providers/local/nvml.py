"""The GPUs of this machine through NVML, NVIDIA's own library; a machine without a driver just has none."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tauon.model.accelerator import memory_gib_of, type_of_product

_log = logging.getLogger(__name__)
_SIGNS_OF_A_DRIVER = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/proc/driver/nvidia/version"))


class Gpu(NamedTuple):
    """One GPU: its place in the driver's order (that of the PCI bus), its id, type, and memory in GiB."""

    place: int
    uuid: str
    type: str
    memory_gib: int


class GpuUse(NamedTuple):
    """One sample; None for what this GPU does not tell."""

    utilisation_pct: float | None
    memory_used_mib: int | None
    memory_total_mib: int | None
    power_w: float | None
    temperature_c: float | None
    processes: int | None = None


def load_library() -> Any:
    """The module `pynvml`, or None where no driver is. It costs 6 MiB, so only machines with a driver load it."""
    if not any(sign.exists() for sign in _SIGNS_OF_A_DRIVER):
        return None
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        return None


class Nvml:
    """The library, opened at the first question. All methods may be called from any thread."""

    def __init__(self, load: Callable[[], Any] = load_library) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._library: Any = None
        self._was_tried = False

    def gpus(self) -> Sequence[Gpu]:
        """The GPUs that can be given to jobs, in the driver's order.

        One that is divided into MIG instances is left out: its parts are not GPUs that can be counted.
        """
        with self._lock:
            nvml = self._open()
            if nvml is None:
                return []
            found = []
            for index in range(self._ask(nvml.nvmlDeviceGetCount) or 0):
                handle = self._ask(nvml.nvmlDeviceGetHandleByIndex, index)
                if handle is None:  # fallen off the bus
                    continue
                mig = self._ask(nvml.nvmlDeviceGetMigMode, handle)
                if mig is not None and mig[0] == nvml.NVML_DEVICE_MIG_ENABLE:
                    _log.warning("GPU %d is divided by MIG and is left out", index)
                    continue
                found.append(self._describe(index, handle))
            return found

    def sample(self, uuid: str) -> GpuUse | None:
        """What a GPU does now; None when it can't be asked."""
        with self._lock:
            nvml = self._open()
            handle = None if nvml is None else self._ask(nvml.nvmlDeviceGetHandleByUUID, uuid)
            if handle is None:
                return None
            rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
            memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            power_mw = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
            temperature = self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
            processes = self._ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle)
            return GpuUse(
                utilisation_pct=None if rates is None else float(rates.gpu),
                memory_used_mib=None if memory is None else int(memory.used) >> 20,
                memory_total_mib=None if memory is None else int(memory.total) >> 20,
                power_w=None if power_mw is None else power_mw / 1000,
                temperature_c=None if temperature is None else float(temperature),
                processes=None if processes is None else len(processes),
            )

    def close(self) -> None:
        with self._lock:
            if self._library is not None:
                self._ask(self._library.nvmlShutdown)
            self._library = None
            self._was_tried = False

    def _open(self) -> Any:
        if self._was_tried:
            return self._library
        self._was_tried = True
        library = self._load()
        if library is None:
            return None
        try:
            library.nvmlInit()
        except library.NVMLError as error:
            _log.debug("no NVIDIA GPUs: %s", error)
            return None
        self._library = library
        return library

    def _describe(self, index: int, handle: object) -> Gpu:
        nvml = self._library
        type_ = type_of_product(_text(self._ask(nvml.nvmlDeviceGetName, handle) or "GPU"))
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        measured_gib = 0.0 if memory is None else memory.total / 2**30
        uuid = _text(self._ask(nvml.nvmlDeviceGetUUID, handle) or f"index-{index}")
        return Gpu(place=index, uuid=uuid, type=type_, memory_gib=memory_gib_of(type_, measured_gib))

    def _ask(self, question: Callable[..., Any], *about: object) -> Any:
        """The answer, or None where this GPU or driver has none."""
        try:
            return question(*about)
        except self._library.NVMLError:
            return None


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
