"""Text files of rows, plain or gzipped, read one row at a time; what is wrong is said with file and row."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from tauon.model.errors import InvalidSpec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = frozenset({"", "none", "null", "nan", "na", "n/a", "unknown", "-"})
_LATEST_S = 1e11
GZIP = b"\x1f\x8b"


def open_text(path: Path) -> IO[str]:
    """The text of a file, unpacked if it is gzipped. Raises InvalidSpec where it can't be opened."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP
        stream = gzip.open(path) if packed else path.open("rb")  # noqa: SIM115 - the text below closes it
    except OSError as error:
        raise InvalidSpec(f"can't read {path}: {error.strerror or error}") from error
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="")


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file. Raises InvalidSpec where it is no text, or breaks off."""
    text = open_text(path)
    with text:
        try:
            yield from text
        except UnicodeDecodeError as error:
            raise InvalidSpec(f"{path}: this is no text: {error.reason} at byte {error.start + 1}") from error
        except (OSError, EOFError) as error:
            raise InvalidSpec(f"{path}: the file breaks off or can't be unpacked: {error}") from error


class Row:
    """One row of a table; each way to read a cell raises InvalidSpec naming file, row and column."""

    __slots__ = ("_cells", "_table", "number")

    def __init__(self, table: Table, number: int, cells: Sequence[str]) -> None:
        self._table = table
        self._cells = cells
        self.number = number

    @property
    def place(self) -> str:
        return f"{self._table.path}:{self.number}"

    def has(self, column: str) -> bool:
        """Whether there is such a column, and something in it."""
        at = self._table.position.get(column)
        return at is not None and self._cells[at].strip().lower() not in _NOTHING

    def knows(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self._table.position

    def text(self, column: str) -> str:
        """The cell, empty where there is no such column."""
        at = self._table.position.get(column)
        return "" if at is None else self._cells[at].strip()

    def number_in(self, column: str, *, least: float = 0.0, most: float = 1e15) -> float:
        """A number within bounds."""
        text = self._cells[self._table.position[column]]
        try:
            value = float(text)
        except ValueError:
            raise self.wrong(column, f"expected a number, found {text!r}") from None
        if not least <= value <= most:
            bound = f"at least {least:g}" if not value >= least else f"at most {most:g}"
            raise self.wrong(column, f"expected {bound}, found {text.strip()}")
        return value

    def moment_us(self, column: str) -> int:
        """A point in time: seconds from any zero, or a date and time (UTC where it has no zone)."""
        text = self._cells[self._table.position[column]].strip()
        if text[:1].isdigit() and text.replace(".", "", 1).isdigit():
            return round(self.number_in(column, most=_LATEST_S) * 1e6)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            if text.startswith("-"):
                raise self.wrong(column, f"a time can't be negative, found {text}") from None
            expected = "expected a time such as 2026-01-31 18:00:00 or seconds"
            raise self.wrong(column, f"{expected}, found {text!r}") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(microseconds=1)

    def wrong(self, column: str, message: str) -> InvalidSpec:
        """The error to raise for a cell."""
        return InvalidSpec(f"{self.place}: column {column}: {message}")


class Table:
    """A file with a header line: CSV, or with another delimiter."""

    def __init__(self, path: Path, *, delimiter: str = ",") -> None:
        self.path = path
        self._delimiter = delimiter
        self.position: dict[str, int] = {}

    def rows(self) -> Iterator[Row]:
        """The rows after the header, in order; empty lines are passed over."""
        reader = csv.reader(lines_of(self.path), delimiter=self._delimiter, strict=self._delimiter == ",")
        quoting_error = ""
        try:
            header = next(reader, None) or []
            self.position = {name.strip(): at for at, name in enumerate(header)}
            width = len(header)
            for cells in reader:
                if len(cells) != width:
                    if not cells or cells == [""]:
                        continue
                    raise InvalidSpec(
                        f"{self.path}:{reader.line_num}: {len(cells)} columns, where the header has {width}"
                    )
                yield Row(self, reader.line_num, cells)
        except csv.Error as error:
            quoting_error = str(error)
        if quoting_error:
            raise InvalidSpec(f"{self.path}:{reader.line_num}: {quoting_error}")
