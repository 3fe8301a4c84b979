"""Charts as SVG text, drawn here so that a report needs nothing from anywhere: lines over time, steps, bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

import msgspec

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 10, 34
_TICKS = 5
Text = Callable[[float], str]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A line: its name, the number of its colour, and its points."""

    name: str
    colour: int
    x: Sequence[float]
    y: Sequence[float]


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """A scale: the values at its two ends, how they are written, and whether equal steps are equal factors."""

    low: float
    high: float
    text: Text
    is_log: bool = False

    def part(self, value: float) -> float:
        """Where a value is, 0 at the low end and 1 at the high one."""
        low, high, value = (self._scaled(v) for v in (self.low, self.high, value))
        return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-9)) if self.is_log else value

    def ticks(self) -> list[float]:
        """Round values to write beside it."""
        if self.is_log:
            first, last = math.ceil(math.log10(max(self.low, 1e-9))), math.floor(math.log10(max(self.high, 1e-9)))
            return [10.0**power for power in range(first, last + 1)]
        step = round_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not below `least`."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def time_axis(longest_s: float) -> Axis:
    """A scale of seconds from 0, written in the unit that suits its length."""
    unit, name = next(((u, n) for u, n in ((86400.0, "d"), (3600.0, "h"), (60.0, "m")) if longest_s >= 3 * u), (1, "s"))
    return Axis(low=0.0, high=max(longest_s / unit, 1e-9), text=lambda value: f"{value:g} {name}")


def time_unit_s(longest_s: float) -> float:
    """The unit that `time_axis` writes in, in seconds."""
    return next((u for u in (86400.0, 3600.0, 60.0) if longest_s >= 3 * u), 1.0)


def lines(series: Sequence[Series], x: Axis, y: Axis, about: str) -> str:
    """A line for each series, on common scales."""
    parts = [_frame(x, y)]
    for one in series:
        points = " ".join(f"{_x(x.part(a)):.1f},{_y(y.part(b)):.1f}" for a, b in zip(one.x, one.y, strict=True))
        parts.append(
            f'<polyline class="line c{one.colour}" points="{points}"><title>{escape(one.name)}</title></polyline>'
        )
    return _svg("".join(parts), HEIGHT, about)


def bars(series: Sequence[tuple[str, int, float]], text: Text, about: str) -> str:
    """A bar for each (name, colour, value), from the left, with its value behind it."""
    row, top = 24, 4
    most = max((value for _, _, value in series), default=0.0) or 1.0
    room = WIDTH - 130 - 110
    parts = []
    for i, (name, colour, value) in enumerate(series):
        y = top + i * row
        width = max(1.0, value / most * room)
        parts.append(
            f'<text class="label end" x="122" y="{y + 15}">{escape(_short(name))}<title>{escape(name)}</title></text>'
            f'<rect class="bar c{colour}" x="130" y="{y + 3}" width="{width:.1f}" height="16" rx="2"/>'
            f'<text class="value" x="{138 + width:.1f}" y="{y + 15}">{escape(text(value))}</text>'
        )
    return _svg("".join(parts), top * 2 + row * len(series), about)


def _short(name: str) -> str:
    return name if len(name) <= 17 else f"{name[:16]}…"


def _svg(body: str, height: int, about: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(about)}">{body}</svg>'


def _x(part: float) -> float:
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def _y(part: float) -> float:
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def _frame(x: Axis, y: Axis) -> str:
    parts = []
    for value in y.ticks():
        at = _y(y.part(value))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="label end" x="{LEFT - 8}" y="{at + 4:.1f}">{escape(y.text(value))}</text>')
    for value in x.ticks():
        at = _x(x.part(value))
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text class="label mid" x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}">{escape(x.text(value))}</text>')
    return "".join(parts)
