"""The data sheet of accelerators: memory, bandwidth, dense arithmetic by precision and links, each with its source."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from tauon.model.accelerator import canonical_type
from tauon.model.errors import NotFound


class Precision(enum.StrEnum):
    """How a number is held and multiplied; the data sheets give the dense rate of each."""

    FP32 = "fp32"
    TF32 = "tf32"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"

    @property
    def bytes(self) -> float:
        """Bytes of one number."""
        return {"fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5}[self.value]

    @property
    def cache_bytes(self) -> float:
        """Bytes of one number of the cache of keys and values; with weights of 4 bits alone, it stays as it was."""
        return 1.0 if self in (Precision.FP8, Precision.INT8) else 2.0

    @property
    def multiplied_in(self) -> Precision:
        """What the arithmetic is done in: weights of 4 bits are unpacked first (as AWQ and GPTQ do)."""
        return Precision.BF16 if self is Precision.INT4 else self


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """One accelerator. Memory in GiB as sold, bandwidth in GB/s, arithmetic in dense teraflops (or teraops), the link to its
    neighbours in GB/s of both directions together; `achieved_bf16` is the best that was measured of a matrix product."""

    name: str
    memory_gib: int
    memory_gb_s: float
    tflops: Mapping[Precision, float]
    link_gb_s: float
    source: str
    achieved_bf16: float | None = None
    node: int = 8  # how many stand in one node, joined by the link

    def peak(self, precision: Precision) -> float | None:
        """Dense teraflops; None where the chip has no such unit."""
        return self.tflops.get(precision)


VENDOR = "maker's data sheet"
AIC = "ai-dynamo/aiconfigurator, systems/*.yaml (Apache-2.0)"
STAS = "stas00/ml-engineering, compute/accelerator (CC-BY-SA-4.0), read 2026-08-22"
GOOGLE = "docs.cloud.google.com/tpu, system architecture pages"
HOTCHIPS = "Intel, Hot Chips 2024"
_ORDER = (Precision.FP32, Precision.TF32, Precision.BF16, Precision.FP8, Precision.INT8, Precision.INT4)
PCIE3, PCIE4, PCIE5 = 32.0, 64.0, 128.0


def _chip(
    name: str, memory: tuple[int, float], tflops: tuple[float | None, ...], link: float, source: str, **more: object
) -> Chip:
    rates = {kind: rate for kind, rate in zip(_ORDER, tflops, strict=True) if rate is not None}
    fields: dict[str, object] = {"link_gb_s": link, "source": source, **more}
    return msgspec.convert(
        {"name": name, "memory_gib": memory[0], "memory_gb_s": memory[1], "tflops": rates, **fields}, Chip
    )


# name, (GiB, GB/s), (fp32, tf32, bf16 or fp16, fp8, int8, int4), link GB/s. Rates without sparsity.
CHIPS: dict[str, Chip] = {
    chip.name: chip
    for chip in (
        _chip("V100", (16, 900), (15.7, None, 125, None, None, None), 300, VENDOR),
        _chip("V100-32GB", (32, 900), (15.7, None, 125, None, None, None), 300, VENDOR),
        _chip("T4", (16, 320), (8.1, None, 65, None, 130, 260), PCIE3, VENDOR, node=4),
        _chip("A10G", (24, 600), (35, 35, 70, None, 140, 280), PCIE4, VENDOR, node=4),
        _chip("L4", (24, 300), (30.3, 60, 121, 242, 242, 485), PCIE4, VENDOR),
        _chip("L40S", (48, 864), (91.6, 183, 362, 733, 733, 733), PCIE4, AIC),
        _chip("A100-40GB", (40, 1555), (19.5, 156, 312, None, 624, 1248), 600, VENDOR, achieved_bf16=271),
        _chip("A100", (80, 2039), (19.5, 156, 312, None, 624, 1248), 600, AIC, achieved_bf16=271),
        _chip("H100", (80, 3350), (67, 494.5, 989, 1979, 1979, None), 900, AIC, achieved_bf16=795),
        _chip("H200", (141, 4800), (67, 494.5, 989, 1979, 1979, None), 900, AIC, achieved_bf16=795),
        _chip("B200", (180, 7700), (80, 1125, 2250, 4500, 4500, None), 1800, AIC, achieved_bf16=1745),
        _chip("GB200", (186, 8000), (80, 1250, 2500, 5000, 5000, None), 1800, AIC, achieved_bf16=1822, node=4),
        _chip("MI300X", (192, 5300), (163.4, 653.7, 1307, 2610, 2600, None), 896, STAS, achieved_bf16=668),
        _chip("MI325X", (256, 6000), (163.4, 653.7, 1307, 2610, 2600, None), 896, STAS, achieved_bf16=785),
        _chip("TPU-v5e", (16, 819), (None, None, 197, None, 394, None), 400, GOOGLE),
        _chip("TPU-v5p", (95, 2765), (None, None, 459, None, 918, None), 600, GOOGLE),
        _chip("TPU-v6e", (32, 1638), (None, None, 918, 918, 1836, None), 800, GOOGLE),
        _chip("Gaudi3", (128, 3670), (229, 459, 1835, 1835, None, None), 1200, HOTCHIPS, achieved_bf16=1243),
    )
}


def chip_named(name: str) -> Chip:
    """The data sheet of a type. Raises NotFound naming those that there are."""
    found = CHIPS.get(canonical_type(name)) or CHIPS.get(name)
    if found is None:
        raise NotFound(f"there is no data sheet of {name!r}; there are: {', '.join(CHIPS)}")
    return found
