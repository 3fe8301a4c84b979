"""Reading the file of a world: what is wrong with it is said with file, line and column."""

from __future__ import annotations

import difflib
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tauon.model.errors import InvalidSpec
from tauon.service.queue_settings import TreeFault
from tauon.service.yaml_tree import Tree, read_trees
from tauon.simulator.world_spec import WorldSpec

SUFFIXES = (".yaml", ".yml", ".json")
_MOST_PROBLEMS = 20
_Path = tuple[str | int, ...]


def read_world_file(path: Path) -> WorldSpec:
    """The world that a file describes. Raises InvalidSpec with all that is wrong, one a line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"can't read the world {path}: {error}") from error
    trees = list(read_trees(text, str(path)))
    if len(trees) != 1:
        raise InvalidSpec(f"{path}: a world is one document, not {len(trees)}")
    tree = trees[0]
    problems = [str(problem) for problem in tree.problems]
    if not problems and not isinstance(tree.data, dict):
        problems = [f"{path}: a world is a mapping with `pools` and work (`jobs`, `trace` or `stream`)"]
    if not problems:
        try:
            return WorldSpec.model_validate(tree.data)
        except ValidationError as error:
            problems = [_told(fault, tree, path) for fault in error.errors(include_url=False)]
    unique = list(dict.fromkeys(problems))
    more = [f"and {len(unique) - _MOST_PROBLEMS} more"] if len(unique) > _MOST_PROBLEMS else []
    raise InvalidSpec("\n".join([*unique[:_MOST_PROBLEMS], *more]))


def _told(fault: ErrorDetails, tree: Tree, path: Path) -> str:
    cause = fault.get("ctx", {}).get("error")
    where = _in_document(cause.place if isinstance(cause, TreeFault) else fault["loc"], tree.data)
    known = tree.keys if fault["type"] == "extra_forbidden" else tree.values
    place = next((known.get(p) or tree.values[p] for p in _upward(where) if p in known or p in tree.values), str(path))
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")
    match fault["type"]:
        case "extra_forbidden":
            return f"{place}: there is no `{name}`{_meant(where)}"
        case "missing":
            return f"{place}: `{fault['loc'][-1]}` is missing"
        case _:
            text = fault["msg"].removeprefix("Value error, ")
            return f"{place}: {f'`{name}`: ' if name else ''}{text[:1].lower()}{text[1:]}"


def _in_document(location: _Path, data: Any) -> _Path:
    """The part of a location that the document has: members of unions have no place in it."""
    path: list[str | int] = []
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(part)
    return tuple(path)


def _meant(where: _Path) -> str:
    model: type[BaseModel] | None = WorldSpec
    for part in where[:-1]:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = _model_in(field.annotation) if field else None
    names = list(model.model_fields) if model else []
    near = difflib.get_close_matches(str(where[-1]), names, 1) if where else []
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; there are {', '.join(names)}" if names else ""


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (list, typing.Union, types.UnionType):
        found = (_model_in(one) for one in typing.get_args(annotation))
        return next((one for one in found if one is not None), None)
    return None


def _upward(where: _Path) -> list[_Path]:
    return [where[:length] for length in range(len(where), -1, -1)]
