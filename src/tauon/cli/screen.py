"""What the text is for: a terminal of some width with its colours, or a pipe that wants everything and nothing fancy."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TextIO

import click


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """How text may look. `width` None: nothing is cut. `zone` None: the machine's own."""

    width: int | None = None
    has_colour: bool = False
    has_unicode: bool = True
    zone: tzinfo | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_terminal(self) -> bool:
        return self.width is not None

    def style(self, text: str, style: str) -> str:
        """The text in a style such as `red`, `bold`, `dim` (or several, with spaces between), where there is colour."""
        if not self.has_colour or not style or not text:
            return text
        words = style.split()
        colours = [word for word in words if word not in ("bold", "dim")]
        return click.style(
            text, fg=colours[0] if colours else None, bold="bold" in words or None, dim="dim" in words or None
        )

    def local(self, at: datetime) -> datetime:
        """The same moment as the person's clock shows it."""
        return at.astimezone(self.zone)

    @property
    def ellipsis(self) -> str:
        return "…" if self.has_unicode else "..."

    @property
    def dot(self) -> str:
        return "·" if self.has_unicode else "-"


def screen_of(stream: TextIO, *, plain: bool = False) -> Screen:
    """What a stream is: a terminal with its present width, or a pipe."""
    is_terminal = stream.isatty()
    wants_plain = plain or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return Screen(
        width=max(40, shutil.get_terminal_size((80, 24)).columns) if is_terminal else None,
        has_colour=is_terminal and not wants_plain,
        has_unicode=encoding.startswith("utf"),
    )


def standard_screen(*, plain: bool = False) -> Screen:
    """What standard output is."""
    return screen_of(sys.stdout, plain=plain)
