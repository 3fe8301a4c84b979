"""Tables without lines: aligned, as wide as their text, and on a narrow terminal with the less important columns left out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from tauon.cli.screen import Screen

GAP = 2
EXTRA = 4  # columns whose `drop` is this or more are only there when the others have room for most of their text


class Column(NamedTuple):
    """A column. Where the terminal is too narrow, the one with the highest `drop` goes first (0: never).

    `least` is the width to which it may be cut (0: not at all). One that `is_optional` is left out when it is empty.
    """

    title: str
    is_right: bool = False
    drop: int = 0
    least: int = 0
    is_optional: bool = False


class Styled(NamedTuple):
    """A cell with a style."""

    text: str
    style: str


Cell = str | Styled
Row = Sequence[Cell]


def table(columns: Sequence[Column], rows: Sequence[Row], screen: Screen) -> str:
    """The table as text: a line of titles, then the rows."""
    shown = [i for i, c in enumerate(columns) if not c.is_optional or any(text_of(row[i]) for row in rows)]
    widths = {i: max(width_of(columns[i].title), *(width_of(text_of(row[i])) for row in rows), 0) for i in shown}
    widths = fitted(columns, widths, screen.width)
    titles: Row = [Styled(column.title, "dim") for column in columns]
    return "\n".join(_line(columns, widths, row, screen) for row in [titles, *rows])


def fitted(columns: Sequence[Column], wanted: dict[int, int], width: int | None) -> dict[int, int]:
    """The columns that fit into a width, and how wide each is."""
    if width is None:
        return wanted
    kept = dict(wanted)
    _drop(columns, kept, width, at_least=EXTRA, ease=1.5)
    _drop(columns, kept, width, at_least=1, ease=1.0)
    widths = _squeezed(columns, kept, 1.0)
    spare = width - _total(widths)
    for i in sorted(kept, key=lambda i: kept[i] - widths[i]):
        more = max(0, min(spare, kept[i] - widths[i]))
        widths[i] += more
        spare -= more
    return widths


def _drop(columns: Sequence[Column], kept: dict[int, int], width: int, *, at_least: int, ease: float) -> None:
    """Leave columns out until the rest fits, each with `ease` times the least that it needs."""
    while _total(_squeezed(columns, kept, ease)) > width:
        droppable = [i for i in kept if columns[i].drop >= at_least]
        if not droppable:
            return
        del kept[max(droppable, key=lambda i: columns[i].drop)]


def _squeezed(columns: Sequence[Column], wanted: dict[int, int], ease: float) -> dict[int, int]:
    return {
        i: min(width, max(round(columns[i].least * ease), width_of(columns[i].title))) if columns[i].least else width
        for i, width in wanted.items()
    }


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _line(columns: Sequence[Column], widths: dict[int, int], row: Row, screen: Screen) -> str:
    parts = []
    for i, width in widths.items():
        cell = row[i]
        text = cut(text_of(cell), width, screen)
        shown = screen.style(text, cell.style) if isinstance(cell, Styled) else text
        padding = " " * (width - width_of(text))
        parts.append(padding + shown if columns[i].is_right else shown + padding)
    return (" " * GAP).join(parts).rstrip()


def text_of(cell: Cell) -> str:
    """The cell's text on one line."""
    return printable(cell.text if isinstance(cell, Styled) else cell)


def printable(text: str) -> str:
    """The text without what could move the cursor or change colours: names and messages come from anywhere."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def width_of(text: str) -> int:
    """How many places a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, width: int, screen: Screen) -> str:
    """The text, or as much of it as fits, with a mark that there was more."""
    if width_of(text) <= width:
        return text
    mark = screen.ellipsis
    while text and width_of(text) + len(mark) > width:
        text = text[:-1]
    return text.rstrip() + mark


def wrapped(text: str, screen: Screen, *, indent: str = "") -> str:
    """A paragraph, broken between words on a terminal and left whole in a pipe."""
    import textwrap

    text = printable(text)
    if screen.width is None:
        return indent + text
    width = min(screen.width, 100)
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def facts(pairs: Sequence[tuple[str, str]], screen: Screen) -> str:
    """Names and values below each other; those without a value are left out."""
    pairs = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{screen.style(name.ljust(width), 'dim')}  {printable(value)}" for name, value in pairs)
