"""The import contracts of pyproject.toml hold, and they cover every room that they should."""

import graphlib
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp

from tests.house.source import ROOT, SOURCE

PYPROJECT = ROOT / "pyproject.toml"


def contract(contract_id: str) -> dict[str, Any]:
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]
    found: dict[str, Any] = next(c for c in settings["contracts"] if c["id"] == contract_id)
    return found


def rooms_on(layer: str) -> list[str]:
    """The rooms of one line of the floors contract that are built already."""
    names = [name.strip(" ()") for name in layer.split("|")]
    house = SOURCE / "tauon"
    return [
        f"tauon.{name}" for name in names if (house / name / "__init__.py").exists() or (house / f"{name}.py").exists()
    ]


def test_every_contract_holds() -> None:
    # In a process of its own: it sets logging up to its liking, and silences what other tests listen to.
    lint = Path(sys.executable).with_name("lint-imports")
    command = [str(lint), "--config", str(PYPROJECT), "--no-cache", "--no-logo"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_every_room_of_the_two_lower_floors_is_held_pure() -> None:
    layers = contract("floors")["layers"]
    core = [room for layer in layers[layers.index("planner | forecast | economics") :] for room in rooms_on(layer)]
    assert sorted(contract("pure")["source_modules"]) == sorted(core)


def test_every_room_but_the_command_shell_and_the_wiring_is_kept_from_the_terminal() -> None:
    rooms = [room for layer in contract("floors")["layers"] for room in rooms_on(layer)]
    expected = set(rooms) - {"tauon.main", "tauon.cli"}
    assert set(contract("terminal")["source_modules"]) == expected


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph("tauon", cache_dir=None)
    arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle
