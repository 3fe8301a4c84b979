"""Accelerator types have one name each, whatever a driver or a person writes."""

from __future__ import annotations

import pytest

from tauon.model.accelerator import MEMORY_GIB, canonical_type, memory_gib_of, type_of_product


@pytest.mark.parametrize(
    ("product", "type_"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100"),
        ("NVIDIA H100 NVL", "H100-NVL"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA GH200 480GB", "GH200"),
        ("NVIDIA GH200 144G HBM3e", "GH200-144GB"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100 80GB PCIe", "A100"),
        ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
        ("NVIDIA A100-PCIE-40GB", "A100-40GB"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("Tesla T4", "T4"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("Tesla V100-SXM2-32GB", "V100-32GB"),
        ("NVIDIA GeForce RTX 4090", "RTX-4090"),
        ("NVIDIA GeForce RTX 4080 SUPER", "RTX-4080-SUPER"),
        ("NVIDIA RTX A6000", "RTX-A6000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"),
        ("AMD Instinct MI300X", "MI300X"),
        ("NVIDIA TITAN V", "TITAN-V"),
        ("NVIDIA", "GPU"),
    ],
)
def test_a_product_is_of_a_type(product: str, type_: str) -> None:
    assert type_of_product(product) == type_


@pytest.mark.parametrize(
    ("written", "type_"),
    [("h100", "H100"), ("H100-80GB", "H100"), ("A100-80GB", "A100"), ("a100-40gb", "A100-40GB"), ("Xyz", "Xyz")],
)
def test_a_type_is_written_in_one_way(written: str, type_: str) -> None:
    assert canonical_type(written) == type_


def test_memory_is_that_of_the_data_sheet_or_what_was_measured() -> None:
    known = {"T4": 16, "L4": 24, "A10G": 24, "L40S": 48, "V100": 16, "A100": 80, "A100-40GB": 40, "H100": 80}
    known |= {"H200": 141, "B200": 180, "MI300X": 192}
    assert {type_: MEMORY_GIB[type_] for type_ in known} == known
    assert memory_gib_of("H200", 140.4) == 141
    assert memory_gib_of("TITAN-V", 11.8) == 12
    assert memory_gib_of("TITAN-V") == 0
