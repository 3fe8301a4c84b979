"""The manner of the house: opening sentences, sizes, names and purity are kept in every room."""

import ast
import statistics
from collections.abc import Iterator

import pytest

from tests.house.source import Module, committed_files, modules_under, the_house, type_of_function

MODULE_LINES = 400
MODULE_LINES_MEDIAN = 150
FUNCTION_LINES = 60
FUNCTION_LINES_P95 = 45
PARAMETERS = 6

# What may grow past a limit, each with its reason: a module by its name, a function by `module function`.
ALLOWED: dict[str, str] = {}

VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
PURE_ROOMS = ("tauon.model", "tauon.ports", "tauon.planner", "tauon.forecast", "tauon.economics")
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "input", "print"}

# Put together here, so that this file does not name them itself.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("proxy", "golang", "org"),
        ("static", "crates", "io"),
    )
]


def length(function: type_of_function) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def parameters(function: type_of_function) -> int:
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    names += [a.arg for a in (given.vararg, given.kwarg) if a]
    return len([name for name in names if name not in ("self", "cls")])


def too_large() -> Iterator[tuple[str, str]]:
    """Each thing past its limit: its name as the allow-list knows it, and what is wrong with it."""
    for module in the_house():
        if module.lines > MODULE_LINES:
            yield module.name, f"{module.name} has {module.lines} lines, more than {MODULE_LINES}"
        for address, function in module.functions():
            name = f"{module.name} {function.name}"
            if length(function) > FUNCTION_LINES:
                yield name, f"{address} has {length(function)} lines, more than {FUNCTION_LINES}"
            if parameters(function) > PARAMETERS:
                yield name, f"{address} has {parameters(function)} parameters, more than {PARAMETERS}"


def named(module: Module) -> str:
    return module.name


@pytest.mark.parametrize("module", modules_under("src/tauon", "tests", "benchmarks"), ids=named)
def test_a_module_opens_with_one_sentence(module: Module) -> None:
    text = ast.get_docstring(module.tree)
    assert text, f"{module.name} opens with no sentence that says what it is for"
    opening = text.split("\n\n")[0]
    assert opening.endswith("."), f"the opening of {module.name} is no sentence: {opening!r}"


def test_nothing_grows_past_its_size_unnoticed() -> None:
    assert [message for name, message in too_large() if name not in ALLOWED] == []


def test_the_allow_list_holds_only_what_needs_it() -> None:
    assert set(ALLOWED) <= {name for name, _ in too_large()}
    assert all(reason.endswith(".") for reason in ALLOWED.values())


def test_most_modules_are_small() -> None:
    assert statistics.median(module.lines for module in the_house()) <= MODULE_LINES_MEDIAN


def test_most_functions_are_short() -> None:
    lengths = sorted(length(function) for module in the_house() for _, function in module.functions())
    assert lengths[int(0.95 * (len(lengths) - 1))] <= FUNCTION_LINES_P95


def test_rooms_are_named_for_what_they_hold() -> None:
    vague = [m.name for m in the_house() if VAGUE_NAMES & set(m.name.replace("_", ".").split("."))]
    assert vague == []


def test_no_import_is_only_for_the_type_checker() -> None:
    hidden = [
        f"{module.name}:{node.lineno}"
        for module in the_house()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    assert hidden == []


def test_the_core_asks_nobody_for_time_chance_or_files() -> None:
    asked = [
        f"{module.name}:{node.lineno} {ast.unparse(node)}"
        for module in the_house()
        if module.name.startswith(PURE_ROOMS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in IMPURE_CALLS
    ]
    assert asked == []


def test_no_committed_file_names_a_package_registry() -> None:
    named_in = [
        f"{path}: {host}" for path in committed_files() for host in REGISTRY_HOSTS if host.encode() in path.read_bytes()
    ]
    assert named_in == []
