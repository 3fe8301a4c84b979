"""A curve answers as the distribution does that it stands for: quantiles, conditional ones, and Gittins' index."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.forecast.curve import BUCKETS, EDGES, Curve, bucket_of, kept, width_of

HAZARDS = st.lists(st.floats(1e-9, 0.5), min_size=BUCKETS, max_size=BUCKETS)


def constant(hazard: float) -> Curve:
    return Curve([hazard] * BUCKETS)


@pytest.mark.parametrize("x", [0.0, 0.01, 0.5, 1.0, 3.0])
def test_what_is_kept_is_the_exponential(x: float) -> None:
    assert kept(x) == pytest.approx(math.exp(-x), rel=0.01)


@pytest.mark.parametrize("q", [0.1, 0.25, 0.5, 0.9, 0.99])
def test_a_constant_hazard_is_the_exponential_distribution_however_long_it_has_run(q: float) -> None:
    for ran_s in (0.0, 0.3, 17.0, 5_000.0):
        assert constant(0.01).remaining_s(q, ran_s) == pytest.approx(-math.log(1 - q) / 0.01)


@given(hazards=HAZARDS, ran_s=st.floats(0, 1e7), q=st.sampled_from([0.1, 0.5, 0.9]))
def test_the_chance_to_end_within_a_quantile_is_its_share(hazards: list[float], ran_s: float, q: float) -> None:
    curve = Curve(hazards)
    remaining_s = curve.remaining_s(q, ran_s)
    if 1e-6 * ran_s < remaining_s < 1e12:  # beyond that, a double does not tell the two moments apart
        assert curve.chance_within(remaining_s, ran_s) == pytest.approx(q, rel=1e-3)


@given(hazards=HAZARDS, ran_s=st.floats(0, 1e7))
def test_quantiles_are_in_order(hazards: list[float], ran_s: float) -> None:
    curve = Curve(hazards)
    low, middle, high = (curve.remaining_s(q, ran_s) for q in (0.1, 0.5, 0.9))
    assert 0 <= low <= middle <= high


def test_with_a_constant_hazard_the_index_is_the_hazard() -> None:
    for seconds in (0.0, 60.0, 3_600.0):
        assert constant(0.01).completions_per_s(bucket_of(seconds)) == pytest.approx(0.01, rel=0.01)


@given(hazards=HAZARDS, bucket=st.integers(0, BUCKETS - 2))
def test_the_index_is_no_less_than_to_stop_after_a_bucket_and_no_more_than_the_best_hazard(
    hazards: list[float], bucket: int
) -> None:
    found = Curve(hazards).completions_per_s(bucket)
    assert hazards[bucket] * (1 - 1e-6) <= found <= max(hazards[bucket:]) * (1 + 1e-6)


def test_work_that_surely_ends_soon_goes_before_work_that_has_hardly_begun() -> None:
    end = bucket_of(3_600.0)
    curve = Curve([1e-6] * end + [1.0] * (BUCKETS - end))
    fresh, ripe = curve.completions_per_s(0), curve.completions_per_s(end - 1)
    assert fresh == pytest.approx(1 / EDGES[end], rel=0.05)
    assert ripe == pytest.approx(1 / width_of(end - 1), rel=0.05)


def test_beyond_what_has_been_seen_the_index_falls_no_further() -> None:
    reach = bucket_of(1_000.0)
    hazards = [0.01 / (1.0 + edge) for edge in EDGES]
    unbounded, bounded = Curve(hazards), Curve(hazards, reach)
    far = bucket_of(1e6)
    assert unbounded.completions_per_s(far) < unbounded.completions_per_s(reach) / 100
    assert bounded.completions_per_s(far) == bounded.completions_per_s(reach)
