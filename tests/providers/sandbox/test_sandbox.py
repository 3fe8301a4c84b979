"""The pretended clouds: machines boot, cost, run out and are taken back as the seed says, and are kept over restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tauon.model.errors import ConfigError, OutOfCapacity, QuotaExceeded, Rejected
from tauon.model.ids import NodeId
from tauon.model.node import NodeShape
from tauon.model.offer import Offer
from tauon.model.resources import CapacityType
from tauon.ports.providers import LaunchOrder, ProviderContext
from tauon.providers.sandbox import NODES
from tauon.providers.sandbox.source import SandboxNodes
from tests.builders import SECOND_US, START_US, a_pool
from tests.clocks import ManualClock

pytestmark = pytest.mark.anyio
H100 = {"accelerators": "H100:8", "usd_per_h": 24, "boot_s": 60}
SPOT = {**H100, "usd_per_h": 8, "capacity_type": "spot"}


class Cloud:
    """A pretended cloud under a clock that stands still until told otherwise."""

    def __init__(self, folder: Path, *offers: dict[str, Any], **options: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.clock = ManualClock()
        node_options = {"offers": [*offers], "seed": 7} | options
        self._context = ProviderContext(
            pool=a_pool("sky", region="eu-1", residency=("eu",), node_options=node_options),
            folder=folder,
            instance="test",
            wake=lambda: None,
            blob_path=Path,
        )
        self.nodes = self.opened()

    def opened(self) -> SandboxNodes:
        return NODES(self._context, self.clock.now_us)

    async def offer(self) -> Offer:
        return (await self.nodes.offers()).offers[0]

    async def order(self, name: str = "n1", shape: NodeShape | None = None) -> Exception | None:
        offer = await self.offer()
        order = LaunchOrder(node=NodeId(name), offer=offer.id, shape=shape or offer.shape)
        refused = await self.nodes.launch([order])
        return refused[0].error if refused else None

    async def there(self) -> list[str]:
        return [node.id for node in (await self.nodes.observe_nodes()).nodes]

    def wait(self, seconds: float) -> None:
        self.clock.time_us += round(seconds * SECOND_US)


async def test_a_machine_is_there_once_it_has_booted_and_gone_once_it_is_given_back(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, H100, time_scale=10)
    assert await cloud.order() is None
    assert await cloud.order() is None  # the same request again is the same machine
    cloud.wait(5.9)
    assert await cloud.there() == []
    cloud.wait(0.2)
    [node] = (await cloud.nodes.observe_nodes()).nodes
    assert (node.id, node.offer, node.virtual, node.shape.region) == ("n1", "sky/h100x8/on-demand", True, "eu-1")
    assert node.shape.rates.accelerator_micro_usd == 3_000_000
    await cloud.nodes.terminate([NodeId("n1"), NodeId("never-was")])
    assert await cloud.there() == []
    assert isinstance(await cloud.order(), OutOfCapacity)


async def test_machines_and_their_time_outlive_a_restart(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, H100)
    await cloud.order()
    cloud.wait(61)
    again = cloud.opened()
    assert [node.id for node in (await again.observe_nodes()).nodes] == ["n1"]


async def test_nothing_is_observed_as_new_when_nothing_is(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, H100)
    first, nodes = await cloud.nodes.offers(), (await cloud.nodes.observe_nodes()).nodes
    cloud.wait(10)
    assert await cloud.nodes.offers() is first
    assert (await cloud.nodes.observe_nodes()).nodes is nodes


async def test_stock_ends_and_comes_back(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, {**H100, "availability": "10", "gap_s": 100})
    cloud.wait(100)
    assert (await cloud.offer()).available == 0
    error = await cloud.order()
    assert isinstance(error, OutOfCapacity)
    assert error.until_us == START_US + 200 * SECOND_US
    cloud.wait(100)
    assert await cloud.order() is None


async def test_stock_and_quota_are_counted(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, {**H100, "stock": 1})
    assert await cloud.order("n1") is None
    assert isinstance(await cloud.order("n2"), OutOfCapacity)
    cloud = Cloud(tmp_path / "other", H100, quota=1)
    assert await cloud.order("n1") is None
    assert isinstance(await cloud.order("n2"), QuotaExceeded)


async def test_spot_is_taken_back_after_a_notice(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, {**SPOT, "availability": "1110", "gap_s": 100, "notice_s": 120})
    await cloud.order()
    cloud.wait(179)
    assert (await cloud.nodes.observe_nodes()).notices == ()
    cloud.wait(1)
    [notice] = (await cloud.nodes.observe_nodes()).notices
    assert (notice.node, notice.reclaim_at_us) == ("n1", START_US + 300 * SECOND_US)
    assert await cloud.there() == ["n1"]
    cloud.wait(120)
    assert await cloud.there() == []


async def test_what_is_taken_back_while_it_boots_is_said_to_come_no_more(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, {**SPOT, "availability": "10", "gap_s": 50})
    await cloud.order()
    assert (await cloud.nodes.observe_nodes()).refused == ()
    cloud.wait(50)
    [refusal] = (await cloud.nodes.observe_nodes()).refused
    assert refusal.node == "n1"
    assert isinstance(refusal.error, OutOfCapacity)


async def test_machines_are_taken_back_about_as_often_as_was_said(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, {**SPOT, "reclaims_per_h": 2.0, "boot_s": 0, "stock": 500})
    for number in range(400):
        await cloud.order(f"n{number}")
    cloud.wait(1800)
    assert 0.30 < len(await cloud.there()) / 400 < 0.44  # exp(-1) = 0.37


async def test_prices_move_around_their_mean_and_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one, other = (Cloud(tmp_path / name, {**SPOT, "swing": 0.5, "step_s": 60}) for name in "ab")
    prices = []
    for _ in range(200):
        prices.append((await one.offer()).micro_usd_per_h)
        assert prices[-1] == (await other.offer()).micro_usd_per_h
        one.wait(60)
        other.wait(60)
    assert 4_000_000 <= min(prices) < max(prices) <= 12_000_000
    assert len(set(prices)) > 100
    assert 7_000_000 < sum(prices) / 200 < 9_000_000


async def test_prices_follow_a_trace(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, {**SPOT, "prices": [[100, "4"], [200, "12"]]})
    seen = []
    for _ in range(3):
        seen.append((await cloud.offer()).micro_usd_per_h)
        cloud.wait(100)
    assert seen == [8_000_000, 4_000_000, 12_000_000]


async def test_another_shape_than_was_decided_on_is_refused(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, H100)
    offer = await cloud.offer()
    elsewhere = NodeShape(pool=offer.shape.pool, region="us-1", capacity_type=CapacityType.SPOT)
    error = await cloud.order("n1", elsewhere)
    assert isinstance(error, Rejected)
    assert "not what was ordered" in str(error)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"offers": []}, "at least one"),
        ({"offers": [{"accelerators": "H100:8"}]}, "usd_per_h"),
        ({"offers": [{**H100, "availability": "1x"}]}, "0 and 1"),
        ({"offers": [{**H100, "usd_per_h": "much"}]}, "dollars an hour"),
        ({"offers": [{**H100, "prices": [[5, 1], [4, 1]]}]}, "in order"),
        ({"offers": [H100], "speed": 2}, "speed"),
        ({"offers": [H100, H100]}, "same kind"),
    ],
)
def test_settings_that_make_no_sense_are_said(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        Cloud(tmp_path, **options)
    assert "pool sky" in str(caught.value)
