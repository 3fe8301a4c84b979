"""`tauon plan`: documents and demand in, a portfolio out, and what is wrong with them in a sentence."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tauon.economics.supply.market import Portfolio
from tauon.service.control_plane import DemandQuery
from tests.cli.shell import Shell

DOCUMENT = """
offers:
  - pool: aws-east
    accelerator: h100
    on_demand: 3.90
    spot: {price: 1.60, availability: 0.6, gpus_max: 16}
    reserved:
      - {name: 1y, length: 365d, price: 2.40}
      - {name: 3y, length: 1095d, price: 1.70, nodes_min: 2}
held:
  - {pool: aws-east, accelerator: H100, gpus: 8, price: 2.00}
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(DOCUMENT)
    return path


def test_a_plan_from_the_journal(shell: Shell, document: Path, tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    ran = shell("plan", str(document), "--since", "14d", "--where", "queue=research", "--html", str(page))
    assert ran.code == 0, ran.err
    assert "RESERVE" in ran.out
    assert "everything on demand" in ran.out
    assert "you had planned halfway through the past" in ran.out
    name, query = shell.plane.seen[-1]
    assert (name, query.where) == ("demand", ("queue=research",))
    assert isinstance(query, DemandQuery)
    text = page.read_text()
    assert "<svg" in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_plan_from_a_file_asks_no_server(shell: Shell, document: Path, tmp_path: Path) -> None:
    demand = tmp_path / "demand.csv"
    demand.write_text("hour,H100\n" + "".join(f"{hour},{16 + hour % 24}\n" for hour in range(400)))
    ran = shell("plan", str(document), "--demand", str(demand), "--output", "json")
    assert ran.code == 0, ran.err
    found = msgspec.json.decode(ran.out, type=Portfolio)
    assert found.purchases[0].term == "3y"
    assert found.purchases[0].beyond_usd > 0
    assert found.expected_usd < found.all_on_demand_usd
    assert shell.plane.seen == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("price: 2.40", "price: cheap"), "plan.yaml"),
        (("length: 365d", "length: 5m"), "at least an hour"),
        (("offers:", "offer:"), "offer"),
        (("accelerator: h100", "accelerator: A100"), "no offer has H100"),
    ],
)
def test_a_wrong_document_is_a_sentence(shell: Shell, document: Path, change: tuple[str, str], said: str) -> None:
    document.write_text(DOCUMENT.replace(*change))
    ran = shell("plan", str(document))
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize("text", ["hour,H100\n1,many\n", "hour,H100\n1,-5\n", "hour,H100\n1\n"])
def test_wrong_demand_is_named_with_its_line(shell: Shell, document: Path, tmp_path: Path, text: str) -> None:
    demand = tmp_path / "demand.csv"
    demand.write_text(text)
    ran = shell("plan", str(document), "--demand", str(demand))
    assert ran.code == 2
    assert "line 2: H100 is no number of GPUs" in ran.err
