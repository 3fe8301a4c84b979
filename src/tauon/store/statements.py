"""The SQL of the store: named statements read once from `sql/*.sql`, with their parameters in order."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

SCHEMA_FILE = "schema.sql"

_NAME = re.compile(r"^-- name: (\w+)$")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_REPEATED = re.compile(r"VALUES \([^()]*\)|IN \(:\w+\)")

# Each statement hands the interpreter to the other threads and waits to get it back, so the fewer the better.
SIZES = (64, 32, 16, 8, 4, 2, 1)

Row = tuple[Any, ...]


class Statement:
    """One SQL text. `sql` has the driver's markers in place of `:name`; `names` are the parameters in their order."""

    __slots__ = ("_head", "_item", "_tail", "names", "sql")

    def __init__(self, text: str, marker: str) -> None:
        self.names = tuple(_PARAMETER.findall(text))
        self.sql = _PARAMETER.sub(marker, text)
        self._head, self._item, self._tail = self.sql, "", ""
        found = _REPEATED.search(text)
        if found:
            opening, item = found.group().split(" ", 1)
            # The parentheses of a list hold all repetitions, those of a row each its own.
            item = item if opening == "VALUES" else item[1:-1]
            start = found.end() - len(item) - (opening == "IN")
            self._head = _PARAMETER.sub(marker, text[:start])
            self._item = _PARAMETER.sub(marker, item)
            self._tail = _PARAMETER.sub(marker, text[start + len(item) :])

    def bind(self, values: Mapping[str, object]) -> Row:
        """The parameters in the order in which the text asks for them."""
        return tuple([values[name] for name in self.names])

    def repeated(self, times: int) -> str:
        """The text with its row (or the one item of its list) repeated."""
        return self._head + ", ".join([self._item] * times) + self._tail


@functools.cache
def statements(marker: str) -> Mapping[str, Statement]:
    """All statements by name, for a driver that marks parameters with `marker`."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in _lines():
        match = _NAME.match(line)
        if match:
            lines = found[match.group(1)] = []
        elif line and not line.startswith("--"):
            lines.append(line)
    return {name: Statement("\n".join(text), marker) for name, text in found.items()}


def schema(int64: str) -> list[str]:
    """The statements that make the newest schema, for a dialect that calls a 64-bit integer `int64`."""
    text = "\n".join(line for line in _read(SCHEMA_FILE).splitlines() if not line.startswith("--"))
    return [part.strip().replace("{int64}", int64) for part in text.split(";") if part.strip()]


def chunks(count: int) -> Iterable[tuple[int, int]]:
    """Cut `count` rows into few spans, of few different lengths, so that each length's statement stays prepared."""
    start = 0
    for size in SIZES:
        while count - start >= size:
            yield start, size
            start += size


def _lines() -> Iterable[str]:
    for file in sorted(resources.files("tauon.store").joinpath("sql").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql") and file.name != SCHEMA_FILE:
            yield from file.read_text("utf-8").splitlines()


def _read(name: str) -> str:
    return resources.files("tauon.store").joinpath("sql", name).read_text("utf-8")
