"""Spot with deadlines: never late while on demand can be had, and no worse than the rules it is meant to better."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tauon.model.fleet import Exposure
from tauon.model.job import CheckpointPolicy
from tauon.model.resources import CapacityType
from tauon.planner.interruption import overhead, rate_per_h
from tauon.planner.spot import View, Where, choose, reserve_share, waits_until_s
from tauon.simulator.spot import SpotCase, cases, play
from tests.builders import a_job, an_offer

HOUR_S = 3600.0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(alphabet="01", min_size=1, max_size=120), min_size=1, max_size=4),
    st.floats(0.3, 0.97),
    st.sampled_from((60.0, 195.0, 600.0)),
    st.floats(0.0, 3000.0),
)
def test_no_deadline_is_missed_whatever_spot_does(
    zones: list[str], fraction: float, gap_s: float, change_s: float
) -> None:
    work_s = 8 * HOUR_S
    deadline_s = max(work_s / fraction, work_s + change_s + gap_s)
    case = SpotCase(zones=tuple(zones), gap_s=gap_s, work_s=work_s, deadline_s=deadline_s, change_s=change_s)
    result = play(case, choose)
    assert result.late_s <= 1e-6
    assert result.saving <= 2 / 3 + 1e-9
    assert result.spot_s + result.on_demand_s >= work_s - 1e-3


def test_always_spot_and_never_spot() -> None:
    [there] = cases([["1" * 1000]], gap_s=600.0, work_s=48 * HOUR_S, fraction=0.8, change_s=720.0)
    result = play(there, choose)
    assert (result.on_demand_s, result.changes) == (0.0, 1)
    [gone] = cases([["0" * 1000]], gap_s=600.0, work_s=48 * HOUR_S, fraction=0.8, change_s=720.0)
    result = play(gone, choose)
    assert (result.spot_s, result.changes) == (0.0, 1)
    assert result.late_s == 0.0


def test_on_demand_is_not_left_to_wait_and_not_left_for_spot_that_has_just_come() -> None:
    view = View(left_s=20 * HOUR_S, work_s=8 * HOUR_S, change_s=720.0, on=Where.ON_DEMAND, look_s=600.0)
    assert choose(view) is Where.ON_DEMAND
    assert choose(view._replace(spot_seen_s=0.0)) is Where.ON_DEMAND
    assert choose(view._replace(spot_seen_s=720.0)) is Where.SPOT
    assert choose(view._replace(on=Where.WAIT)) is Where.WAIT
    assert choose(view._replace(on=Where.WAIT, spot_seen_s=0.0)) is Where.SPOT


def test_waiting_ends_where_it_says() -> None:
    work_s, change_s = 8 * HOUR_S, 720.0
    last_s = waits_until_s(work_s, change_s)
    assert choose(View(left_s=last_s + 1, work_s=work_s, change_s=change_s)) is Where.WAIT
    assert choose(View(left_s=last_s - 1, work_s=work_s, change_s=change_s)) is Where.ON_DEMAND
    assert 0.14 < reserve_share(720.0) < 0.16


def test_more_zones_save_more() -> None:
    chance = random.Random(5)
    zones = [
        "".join("1" * chance.randrange(1, 20) + "0" * chance.randrange(1, 40) for _ in range(40)) for _ in range(6)
    ]
    [one] = cases([zones[:1]], gap_s=600.0, work_s=24 * HOUR_S, fraction=0.8, change_s=720.0)
    [all_] = cases([zones], gap_s=600.0, work_s=24 * HOUR_S, fraction=0.8, change_s=720.0)
    assert play(all_, choose).saving > play(one, choose).saving + 0.1


def test_what_is_seen_of_an_offer_outweighs_what_is_said_of_it() -> None:
    offer = an_offer("spot", capacity_type=CapacityType.SPOT, interruptions_per_h=0.1)
    assert rate_per_h(offer, None) == 0.1
    often = rate_per_h(offer, Exposure(node_us=round(90 * 3.6e9), interruptions=99))
    assert often == (0.1 * 10 + 99) / 100
    assert rate_per_h(an_offer(), None) == 0.0


def test_interruptions_cost_what_has_to_be_done_again() -> None:
    saves, starts_over = a_job(checkpoint=CheckpointPolicy(interval_s=600.0)), a_job()
    assert overhead(saves, 1.0, boot_s=60.0, work_s=None) == 1.1
    assert overhead(starts_over, 1.0, boot_s=0.0, work_s=HOUR_S) > 1.7
    assert overhead(starts_over, 0.0, boot_s=60.0, work_s=HOUR_S) == 1.0
    assert overhead(starts_over, 1.0, boot_s=0.0, work_s=1e9) < float("inf")
