"""Price lists in gpuhunt's format: what a line becomes, when a file is read again, and what is said of a broken one."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from tauon.model.errors import ConfigError
from tauon.model.resources import CapacityType
from tauon.providers.catalogue import CATALOGUE

HEADER = "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags,cpu_arch,provider_data"
P5 = "p5.48xlarge,us-east-1,55.04,192,2048.0,8,H100,80.0,False,,nvidia,,x86,"
P5_SPOT = "p5.48xlarge,us-east-1,20.5,192,2048.0,8,H100,80.0,True,,nvidia,,x86,"
P4 = "p4d.24xlarge,us-east-1,32.77,96,1152.0,8,A100,40.0,False,,nvidia,,x86,"
PLAIN = "m5.large,eu-west-1,0.096,2,8.0,0,,,False,,,,x86,"
FREE = "odd,eu-west-1,0,2,8.0,1,T4,16.0,False,,nvidia,,x86,"
NAMELESS = "odd,eu-west-1,1.0,2,8.0,1,,16.0,False,,nvidia,,x86,"


def a_file(folder: Path, *lines: str, name: str = "aws.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return path


def test_a_line_is_an_offer_that_can_only_be_compared_with(tmp_path: Path) -> None:
    market = CATALOGUE(a_file(tmp_path, P5, P5_SPOT)).offers()
    spot, stays = market.of_type("H100")
    assert (stays.shape.pool, stays.shape.region, stays.shape.accelerator_count) == ("aws", "us-east-1", 8)
    assert (stays.micro_usd_per_h, spot.micro_usd_per_h) == (55_040_000, 20_500_000)
    assert (stays.shape.capacity_type, spot.shape.capacity_type) == (CapacityType.ON_DEMAND, CapacityType.SPOT)
    assert not stays.is_obtainable
    assert stays.is_priced
    assert stays.source == "catalogue"


def test_types_are_told_apart_by_their_memory(tmp_path: Path) -> None:
    market = CATALOGUE(a_file(tmp_path, P4, P5, PLAIN)).offers()
    assert sorted(market.types) == ["", "A100-40GB", "H100"]
    [plain] = market.of_type("")
    assert abs(plain.micro_usd_per_h - 96_000) <= 1


def test_what_has_no_price_is_shown_last_and_what_has_no_name_not_at_all(tmp_path: Path) -> None:
    market = CATALOGUE(a_file(tmp_path, FREE, NAMELESS, "t4,eu,0.5,2,8.0,1,T4,16.0,False,,nvidia,,x86,")).offers()
    assert [offer.is_priced for offer in market.of_type("T4")] == [True, False]
    assert len(market) == 2


def test_a_folder_and_an_archive_have_a_file_for_each_seller(tmp_path: Path) -> None:
    a_file(tmp_path, P5)
    a_file(tmp_path, P5, name="gcp.csv")
    archive = tmp_path / "catalogue.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in tmp_path.glob("*.csv"):
            opened.write(path, path.name)
    for place in (tmp_path, archive):
        assert sorted(offer.shape.pool for offer in CATALOGUE(place).offers().by_id.values()) == ["aws", "gcp"]


def test_a_list_is_read_again_when_it_has_changed_and_only_then(tmp_path: Path) -> None:
    path = a_file(tmp_path, P5)
    catalogue = CATALOGUE(path)
    first = catalogue.offers()
    assert catalogue.offers() is first
    a_file(tmp_path, P5, P4)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))
    assert len(catalogue.offers()) == 2
    [priced] = {offer.priced_at_us for offer in catalogue.offers().by_id.values()}
    assert priced == path.stat().st_mtime_ns // 1000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column instance_name"),
        (f"{HEADER}\n{P5.replace('55.04', 'cheap')}\n", "line 2"),
        (f"{HEADER}\n{P5.replace('55.04', '-1')}\n", "line 2: a price is a number"),
    ],
)
def test_a_broken_list_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "aws.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        CATALOGUE(path).offers()
    assert str(path) in str(caught.value)


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        CATALOGUE(tmp_path / "none.csv").offers()
    with pytest.raises(ConfigError, match=r"no \.csv file"):
        CATALOGUE(tmp_path).offers()
