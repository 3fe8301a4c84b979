"""Where answers go: the same values as text for people, or as JSON or YAML for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

from tauon.cli.patience import Patience
from tauon.cli.render.table import wrapped
from tauon.cli.screen import Screen, screen_of

View = TypeVar("View")


class Output:
    """Standard output in one of its formats, and standard error for what is said besides."""

    def __init__(self, format_: str, screen: Screen, patience: Patience) -> None:
        self.format = format_
        self.screen = screen
        self.patience = patience
        self._documents = 0

    @property
    def is_for_people(self) -> bool:
        """Whether text is wanted rather than data."""
        return self.format == "table"

    def show(self, value: View, render: Callable[[View, Screen], str]) -> None:
        """Print an answer: by `render` for people, else the value itself as data."""
        if self.is_for_people:
            self.write(render(value, self.screen))
        elif self.format == "json":
            self.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
        else:
            self.write(_yaml(value))

    def stream(self, value: View, render: Callable[[View, Screen], str]) -> None:
        """Print one of many answers, of which nobody knows how many will come: JSON is one to a line."""
        if self.is_for_people:
            self.write(render(value, self.screen))
        elif self.format == "json":
            self.write(msgspec.json.encode(value).decode())
        else:
            self.write(("---\n" if self._documents else "") + _yaml(value))
            self._documents += 1

    def write(self, text: str) -> None:
        """Print text as it is, and a newline if it has none; nothing of it is kept back."""
        self.patience.over()
        if text:
            sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def write_bytes(self, data: bytes) -> None:
        """Print what a job wrote, exactly."""
        self.patience.over()
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def note(self, text: str) -> None:
        """Say something beside the answer, to people only."""
        self.patience.over()
        if self.is_for_people:
            screen = screen_of(sys.stderr)
            click.echo("\n".join(wrapped(line, screen) if line else "" for line in text.split("\n")), err=True)

    def warn(self, text: str) -> None:
        """Say that something went wrong, though the command goes on."""
        self.patience.over()
        click.echo(f"error: {text}", err=True)


def as_data(value: object) -> Any:
    """A value as plain lists, mappings, text and numbers: the same that its JSON holds."""
    return json.loads(msgspec.json.encode(value))


def _yaml(value: object) -> str:
    import yaml

    return yaml.safe_dump(as_data(value), sort_keys=False, allow_unicode=True, width=120)
