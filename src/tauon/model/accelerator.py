"""What the field calls each accelerator type, what drivers call it, and what its data sheet says of it."""

from __future__ import annotations

import re

# Memory in GiB as the data sheets round it (drivers report a little less). Where a chip comes with two amounts, the
# common one has the plain name and the other names its own.
MEMORY_GIB: dict[str, int] = {
    "P4": 8,
    "P100": 16,
    "K80": 12,
    "V100": 16,
    "V100-32GB": 32,
    "T4": 16,
    "A2": 16,
    "A10": 24,
    "A10G": 24,
    "A16": 16,
    "A30": 24,
    "A40": 48,
    "A100": 80,
    "A100-40GB": 40,
    "A800": 80,
    "L4": 24,
    "L40": 48,
    "L40S": 48,
    "H100": 80,
    "H100-NVL": 94,
    "H800": 80,
    "H20": 96,
    "H200": 141,
    "GH200": 96,
    "GH200-144GB": 144,
    "B100": 180,
    "B200": 180,
    "GB200": 186,
    "B300": 270,
    "GB300": 278,
    "RTX-3090": 24,
    "RTX-4090": 24,
    "RTX-5090": 32,
    "RTX-A6000": 48,
    "RTX-6000-Ada": 48,
    "RTX-PRO-6000": 96,
    "MI210": 64,
    "MI250X": 128,
    "MI300X": 192,
    "MI325X": 256,
    "MI355X": 288,
    "Gaudi2": 96,
    "Gaudi3": 128,
}

# Dense bf16 (where there is none, fp16) teraflops of the data sheets: how types compare where they have no price.
BF16_TFLOPS: dict[str, int] = {
    "P100": 19,
    "V100": 125,
    "V100-32GB": 125,
    "T4": 65,
    "A2": 18,
    "A10": 125,
    "A10G": 70,
    "A16": 18,
    "A30": 165,
    "A40": 150,
    "A100": 312,
    "A100-40GB": 312,
    "A800": 312,
    "L4": 121,
    "L40": 181,
    "L40S": 362,
    "H100": 989,
    "H100-NVL": 835,
    "H800": 989,
    "H20": 148,
    "H200": 989,
    "GH200": 989,
    "GH200-144GB": 989,
    "B100": 1750,
    "B200": 2250,
    "GB200": 2500,
    "B300": 2250,
    "GB300": 2500,
    "RTX-3090": 71,
    "RTX-4090": 165,
    "RTX-5090": 210,
    "RTX-A6000": 155,
    "RTX-6000-Ada": 364,
    "MI210": 181,
    "MI250X": 383,
    "MI300X": 1307,
    "MI325X": 1307,
    "MI355X": 2500,
    "Gaudi2": 432,
    "Gaudi3": 1835,
}

_PLAIN = "|".join(name for name in MEMORY_GIB if "-" not in name)

# (what a driver's product name holds, the type); the first that fits counts, so the longer ones stand before.
_PRODUCTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), type_)
    for pattern, type_ in (
        (r"\bGH200\b.*\b144G", "GH200-144GB"),
        (r"\bA100\b.*\b40GB\b", "A100-40GB"),
        (r"\bV100\b.*\b32GB\b", "V100-32GB"),
        (r"\bH100\b.*\bNVL\b", "H100-NVL"),
        (r"\bRTX 6000 Ada\b", "RTX-6000-Ada"),
        (r"\bRTX PRO 6000\b", "RTX-PRO-6000"),
        (r"\bRTX A6000\b", "RTX-A6000"),
        (r"\bRTX ([345]090)(?! (?:Ti|SUPER|D)\b)", r"RTX-\1"),
        (rf"\b({_PLAIN})\b", r"\1"),
    )
)
_ALIASES = {"A100-80GB": "A100", "H100-80GB": "H100", "V100-16GB": "V100", "H200-141GB": "H200", "GH200-96GB": "GH200"}
_BY_LOWER = {name.lower(): name for name in MEMORY_GIB} | {alias.lower(): name for alias, name in _ALIASES.items()}
_NOISE = re.compile(
    r"\b(NVIDIA|AMD|Intel|Tesla|GeForce|Quadro|Instinct|Generation|\d+\s?GB|PCIe|SXM\d?|HBM\d?e?)\b", re.IGNORECASE
)


def canonical_type(name: str) -> str:
    """How a type is written here: `h100` and `H100-80GB` are `H100`. Names that are not known stay as they are."""
    return _BY_LOWER.get(name.lower(), name)


def type_of_product(product: str) -> str:
    """The type of a driver's product name: `NVIDIA H100 80GB HBM3` is `H100`, `Tesla T4` is `T4`.

    Of a product that is not in the table the makers' and form factors' words are dropped: `NVIDIA TITAN V` is `TITAN-V`.
    """
    for pattern, type_ in _PRODUCTS:
        found = pattern.search(product)
        if found:
            return canonical_type(found.expand(type_))
    words = _NOISE.sub(" ", product.replace("-", " ")).split()
    return "-".join(words) or "GPU"


def memory_gib_of(type_: str, measured_gib: float = 0.0) -> int:
    """GiB of memory of one: the data sheet's where the type is known, else what was measured."""
    return MEMORY_GIB.get(type_, round(measured_gib))


def relative_throughput(type_: str) -> float:
    """How fast one is, in H100s; 0 where it is not known."""
    return BF16_TFLOPS.get(type_, 0) / BF16_TFLOPS["H100"]
