"""Amounts as people write them: what each way means, and what is refused, with what was expected."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.model.quantity import (
    parse_accelerators,
    parse_count_milli,
    parse_cpu_milli,
    parse_duration_s,
    parse_memory_mib,
    parse_time_us,
)
from tauon.model.resources import AcceleratorRequest
from tests.builders import START_US


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        (0, 0),
        (1.5, 1.5),
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("15min", 900),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("250ms", 0.25),
        (" 5 s ", 5),
        ("2H", 7200),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert parse_duration_s(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written", ["", "h", "-5", -5, "5x", "1h-", "soon", True, None, "1e400", "5 m m x", "nan", 1e11]
)
def test_what_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match="a duration is seconds or text such as 90s"):
        parse_duration_s(written)


@pytest.mark.parametrize(
    ("written", "mib"),
    [
        (16, 16_384),
        ("16", 16_384),
        ("0", 0),
        ("512MiB", 512),
        ("512Mi", 512),
        ("1GiB", 1024),
        ("1 gib", 1024),
        ("1TiB", 1_048_576),
        ("1.5TiB", 1_572_864),
        ("16GB", 15_259),
        ("1G", 954),
        ("0.5", 512),
        ("1M", 1),
    ],
)
def test_memory(written: object, mib: int) -> None:
    assert parse_memory_mib(written) == mib


@pytest.mark.parametrize("written", ["", "-1", "16 apples", True, "GiB", "1e9", "99999999999TiB", None, "1,5GiB"])
def test_what_is_no_memory(written: object) -> None:
    with pytest.raises(ValueError, match="an amount of memory is a number of GiB or text such as 512MiB"):
        parse_memory_mib(written)


@pytest.mark.parametrize(
    ("written", "milli"), [(4, 4000), (0.5, 500), ("500m", 500), ("0", 0), ("1.25", 1250), (0, 0), ("1e2", 100_000)]
)
def test_cores(written: object, milli: int) -> None:
    assert parse_cpu_milli(written) == milli


@pytest.mark.parametrize("written", ["", "-1", "m", "four", True, "nan", "inf", "1e12", None])
def test_what_is_no_number_of_cores(written: object) -> None:
    with pytest.raises(ValueError, match=r"cores are a number such as 4, 0\.5 or 500m"):
        parse_cpu_milli(written)


@pytest.mark.parametrize(("written", "milli"), [(1, 1000), ("8", 8000), (0.5, 500), ("0.25", 250), (1.0, 1000)])
def test_counts(written: object, milli: int) -> None:
    assert parse_count_milli(written) == milli


@pytest.mark.parametrize("written", [0, -1, 1.5, "2.5", "x", True, "nan", "inf", 0.0001, "", None])
def test_what_is_no_count(written: object) -> None:
    with pytest.raises(ValueError, match="a whole number, or a share below one"):
        parse_count_milli(written)


H100, A100 = (AcceleratorRequest(type=kind, milli=8000) for kind in ("H100", "A100"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, ()),
        ("H100:8", (H100,)),
        (" H100 : 8 ", (H100,)),
        ("H100", (AcceleratorRequest(type="H100", milli=1000),)),
        ("H100:0.5", (AcceleratorRequest(type="H100", milli=500),)),
        ({"H100": 8}, (H100,)),
        ({"H100": 8, "A100": 8}, (H100, A100)),
        (["H100:8", "A100:8"], (H100, A100)),
        (["A100:8", {"H100": "8"}], (A100, H100)),
        ({"memory_gib": ">=40", "count": 2}, (AcceleratorRequest(memory_gib_min=40, milli=2000),)),
        ({"memory_gib": 40}, (AcceleratorRequest(memory_gib_min=40, milli=1000),)),
        ({"memory_gib": ">= 40", "type": "A100"}, (AcceleratorRequest(type="A100", memory_gib_min=40),)),
        ({"count": 2}, (AcceleratorRequest(milli=2000),)),
        ("RTX-4090:1", (AcceleratorRequest(type="RTX-4090"),)),
    ],
)
def test_accelerators(written: object, meant: tuple[AcceleratorRequest, ...]) -> None:
    assert parse_accelerators(written) == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("8", "'8' is no accelerator type"),
        ("", "is no accelerator type"),
        ("H100:0", "a whole number, or a share below one"),
        ("H100:1.5", "a whole number, or a share below one"),
        ("H100:many", "a whole number, or a share below one"),
        ("H 100:1", "is no accelerator type"),
        (8, "accelerators are written H100:8"),
        ({}, "accelerators are written H100:8"),
        ([["H100:1"]], "accelerators are written H100:8"),
        (["H100:8", {"H100": 8}], "listed twice"),
        ({"memory_gib": "lots"}, "memory_gib is a number of GiB or '>=40'"),
        ({"memory_gib": 40, "gpus": 2}, "has memory_gib, count and type, not gpus"),
        ({"memory_gib": 40, "type": "8"}, "is no accelerator type"),
    ],
)
def test_what_is_no_accelerator(written: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_accelerators(written)


@given(
    st.builds(
        AcceleratorRequest,
        type=st.sampled_from(["H100", "A100-40GB", "MI300X"]),
        milli=st.one_of(st.integers(1, 999), st.integers(1, 64).map(lambda n: n * 1000)),
    )
)
def test_what_is_shown_reads_as_what_it_is(one: AcceleratorRequest) -> None:
    assert parse_accelerators(str(one)) == (one,)


@pytest.mark.parametrize(
    ("written", "moment_us"),
    [
        ("6h", START_US + 6 * 3_600_000_000),
        ("+90s", START_US + 90_000_000),
        (60, START_US + 60_000_000),
        ("2026-01-01T00:00:01Z", START_US + 1_000_000),
        ("2026-01-01T01:00:00+01:00", START_US),
        ("2026-01-01 00:00:00.000001+00:00", START_US + 1),
        (datetime(2026, 1, 1, tzinfo=UTC), START_US),
    ],
)
def test_times(written: object, moment_us: int) -> None:
    assert parse_time_us(written, START_US) == moment_us


@pytest.mark.parametrize("written", ["2026-01-01", "2026-01-01T00:00:00", "tomorrow", "", datetime(2026, 1, 1), "-5s"])  # noqa: DTZ001
def test_what_is_no_time(written: object) -> None:
    with pytest.raises(ValueError, match="a time is ISO 8601 with its zone"):
        parse_time_us(written, START_US)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused_as_a_value(text: str) -> None:
    for parse in (parse_duration_s, parse_memory_mib, parse_cpu_milli, parse_count_milli, parse_accelerators):
        try:
            parse(text)
        except ValueError:
            continue
