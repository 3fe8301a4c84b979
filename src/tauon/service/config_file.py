"""Reading the server's configuration file: what is wrong with it is said with its place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tauon.model.errors import ConfigError
from tauon.service.config import PoolSettings, ServerConfig
from tauon.service.queue_settings import QueueSettings, TreeFault
from tauon.service.yaml_tree import Tree, read_trees

_FIELDS: Mapping[str, type[BaseModel]] = {"pools": PoolSettings, "queues": QueueSettings}


def read_config(path: Path) -> ServerConfig:
    """The configuration in a YAML or JSON file. Raises ConfigError naming file, line, column and what was expected."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the configuration {path}: {error}") from error
    trees = list(read_trees(text, str(path)))
    if not trees:
        return ServerConfig()
    if len(trees) > 1:
        raise ConfigError(f"{path}: a configuration is one document, not {len(trees)}")
    tree = trees[0]
    problems = [str(problem) for problem in tree.problems]
    if not problems:
        if tree.data is None:
            return ServerConfig()
        try:
            return ServerConfig.model_validate(tree.data)
        except ValidationError as error:
            problems = [_told(_place(fault), fault["msg"], fault["type"], tree) for fault in error.errors()]
    raise ConfigError("\n".join(dict.fromkeys(problems)))


def _place(fault: ErrorDetails) -> tuple[str | int, ...]:
    cause = fault.get("ctx", {}).get("error")
    return cause.place if isinstance(cause, TreeFault) else fault["loc"]


def _told(location: tuple[str | int, ...], message: str, kind: str, tree: Tree) -> str:
    place = next(
        (tree.keys.get(p) or tree.values[p] for p in _upward(location) if p in tree.keys or p in tree.values), ""
    )
    text = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        section = _FIELDS.get(str(location[0])) if len(location) > 1 else None
        known = list((section or ServerConfig).model_fields)
        near = difflib.get_close_matches(str(location[-1]), known, 1)
        meant = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}"
        text = f"there is no `{location[-1]}` here; {meant}"
    elif location:
        text = f"{'.'.join(map(str, location))}: {text}"
    return f"{place}: {text}" if place else text


def _upward(location: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    return [location[:length] for length in range(len(location), -1, -1)]
