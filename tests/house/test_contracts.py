"""The import contracts of pyproject.toml hold, and they cover every room that they should."""

import graphlib
import tomllib
from typing import Any

import grimp
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

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
    status = lint_imports(config_filename=str(PYPROJECT), no_cache=True, no_logo=True)
    assert status == EXIT_STATUS_SUCCESS


def test_every_room_of_the_two_lower_floors_is_held_pure() -> None:
    layers = contract("floors")["layers"]
    core = [room for layer in layers[layers.index("planner | (forecast) | economics") :] for room in rooms_on(layer)]
    assert sorted(contract("pure")["source_modules"]) == sorted(core)


def test_every_room_but_the_command_shell_and_the_wiring_is_kept_from_the_terminal() -> None:
    rooms = [room for layer in contract("floors")["layers"] for room in rooms_on(layer)]
    expected = set(rooms) - {"tauon.main", "tauon.cli"}
    assert set(contract("terminal")["source_modules"]) == expected


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph("tauon", cache_dir=None)
    arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle
