"""What is wrong with a job document, in sentences: what was expected at each place, and the field that was meant."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from tauon.model.job_spec import JobSpec
from tauon.service.yaml_tree import Path

# What other schedulers call it -> what it is here.
_CALLED_ELSEWHERE = {
    "args": "run",
    "cmd": "run",
    "command": "run",
    "commands": "run",
    "entrypoint": "run",
    "script": "run",
    "gpu": "resources.accelerators",
    "gpus": "resources.accelerators",
    "mem": "resources.memory",
    "ram": "resources.memory",
    "storage": "resources.disk",
    "environment": "env",
    "envs": "env",
    "variables": "env",
    "cwd": "workdir",
    "working_dir": "workdir",
    "nodes": "workers",
    "num_nodes": "workers",
    "ntasks": "workers",
    "time_limit": "timeout",
    "tags": "labels",
    "after": "depends_on",
    "dependencies": "depends_on",
    "max_retries": "retries.failed",
    "restarts": "retries.failed",
    "partition": "constraints.pools",
    "region": "constraints.regions",
    "zone": "constraints.regions",
    "spot": "constraints.capacity_types",
}
# What has no machinery yet: refused with that message rather than as a slip of the pen.
_NOT_YET = {
    "array": "job arrays can't be run yet; write several documents, separated by `---`",
    "container": "jobs run as processes on the pool's machines; containers can't be used yet",
    "docker": "jobs run as processes on the pool's machines; containers can't be used yet",
    "idle_timeout": "interactive workloads can't be run yet",
    "image": "jobs run as processes on the pool's machines; container images can't be used yet",
    "kind": "every document is a job yet; leave `kind` out",
    "ports": "services can't be run yet",
    "replicas": "services can't be run yet; a job's gang is `workers`",
    "schedule": "jobs can't be scheduled by calendar yet",
    "service": "services can't be run yet",
    "volumes": "volumes can't be mounted yet; `inputs` names paths on the pool's machines",
}
_PATTERNS = {
    "name": "a name is up to 63 letters, digits, `.`, `_` and `-`, with a letter or digit at both ends",
    "queue": "a queue is a name such as `research`, or a path such as `research/vision`",
}
_WRAPPER = re.compile(r"^Value error, ")


def problems_of(error: ValidationError, data: Mapping[str, Any]) -> list[tuple[Path, str, str]]:
    """Each problem as the path in the document, the kind as Pydantic names it, and a sentence; each said once."""
    found: dict[tuple[Path, str], str] = {}
    for fault in error.errors(include_url=False):
        path = _path_in(fault["loc"], data, fault["type"])
        found.setdefault((path, fault["type"]), _sentence(path, fault, _value_at(path, data)))
    return [(path, kind, sentence) for (path, kind), sentence in found.items()]


def dotted(path: Path) -> str:
    """`constraints.pools[0]` from its parts."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def without_empty_sections(data: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out fields with nothing after their colon, as if they were not there: a person commented the rest out."""
    kept = {name: value for name, value in data.items() if value is not None}
    for name, value in kept.items():
        if isinstance(value, Mapping) and _model_at((name,)):
            kept[name] = {inner: v for inner, v in value.items() if v is not None}
    return kept


def _path_in(location: tuple[str | int, ...], data: object, kind: str) -> Path:
    """The part of a Pydantic location that is in the document: members of unions and validators have no place there."""
    path: Path = ()
    here: Any = data
    for i, part in enumerate(location):
        is_index = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if is_index or (isinstance(here, Mapping) and part in here):
            here = here[part]
        elif not (kind == "missing" and i == len(location) - 1):
            continue
        path = (*path, part)
    return path


def _value_at(path: Path, data: Any) -> object:
    for part in path:
        if isinstance(data, Mapping) and part not in data:
            return None
        data = data[part]
    return data


def _sentence(path: Path, fault: Any, value: object) -> str:
    context: Mapping[str, Any] = fault.get("ctx", {})
    name = dotted(path)
    match fault["type"]:
        case "missing":
            return f"`{name}` is missing: {_described(path)}"
        case "extra_forbidden":
            return _unknown_field(path)
        case "value_error":
            return _with_name(name, _WRAPPER.sub("", str(fault["msg"])))
        case "string_pattern_mismatch":
            meant = _PATTERNS.get(name, f"text of the form {context.get('pattern')}")
            return f"`{name}`: {meant}, not {_told(value)}{_repaired(str(value))}"
        case "literal_error" | "enum":
            choices = [choice.strip("'") for choice in re.findall(r"'[^']*'", str(context.get("expected", "")))]
            near = difflib.get_close_matches(str(value).replace("_", "-"), choices, n=1, cutoff=0.5)
            return f"`{name}`: expected one of {', '.join(choices)}, found {_told(value)}{_meant(near)}"
        case kind:
            return f"`{name}`: {_expected(kind, context, str(fault['msg']))}, found {_told(value)}"


def _expected(kind: str, context: Mapping[str, Any], message: str) -> str:
    match kind:
        case "string_type":
            return "expected text"
        case "string_too_short":
            return "expected text that is not empty"
        case "int_type" | "int_parsing" | "int_from_float" | "int_parsing_size":
            return "expected a whole number"
        case "float_type" | "float_parsing":
            return "expected a number"
        case "list_type":
            return "expected a list such as [a, b]"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "expected a mapping of names to values"
        case "greater_than_equal":
            return f"expected at least {context['ge']:g}"
        case "less_than_equal":
            return f"expected at most {context['le']:g}"
        case _:
            return message[:1].lower() + message[1:]


def _with_name(name: str, message: str) -> str:
    return f"`{name}`: {message}" if name else message


def _told(value: object) -> str:
    """A value as a person would point at it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= 40 else value[:37] + "...")
        case list():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return str(value)[:40]


def _meant(near: list[str]) -> str:
    return f"; did you mean `{near[0]}`?" if near else ""


def _repaired(text: str) -> str:
    """The nearest name that would be accepted."""
    near = re.sub(r"[^A-Za-z0-9._/-]+", "-", text).strip("-._/")[:63]
    return _meant([near]) if near and near != text else ""


def _unknown_field(path: Path) -> str:
    *section, name = path
    place = dotted(tuple(section))
    here = f"`{name}` is no field of {f'`{place}`' if place else 'a job'}"
    model = _model_at(tuple(section)) or JobSpec
    elsewhere = {field: where for where, field in _nested_fields() if where != place}
    low = str(name).lower().replace("-", "_")
    if not section and low in _NOT_YET:
        return f"`{name}`: {_NOT_YET[low]}"
    near = difflib.get_close_matches(low, list(model.model_fields), n=1, cutoff=0.7)
    called = _CALLED_ELSEWHERE.get(low, "")
    if called and place:
        called = called.removeprefix(f"{place}.")
    if near:
        return f"{here}; did you mean `{near[0]}`?"
    if called:
        return f"{here}; did you mean `{called}`?"
    far = difflib.get_close_matches(low, list(elsewhere), n=1, cutoff=0.75)
    if far:
        return (
            f"{here}; `{far[0]}` belongs {f'under `{elsewhere[far[0]]}`' if elsewhere[far[0]] else 'to the job itself'}"
        )
    return f"{here}; there are {', '.join(model.model_fields)}"


def _nested_fields() -> list[tuple[str, str]]:
    """Every field with the section that it is in (empty: the job itself)."""
    found = [("", field) for field in JobSpec.model_fields]
    for section in JobSpec.model_fields:
        inner = _model_at((section,))
        found += [(section, field) for field in inner.model_fields] if inner else []
    return found


def _model_at(path: Path) -> type[BaseModel] | None:
    """The part of the document's model that describes the mapping at a path."""
    model: type[BaseModel] = JobSpec
    for part in path:
        field = model.model_fields.get(str(part))
        inner = _models_in(field.annotation) if field else []
        if not inner:
            return None
        model = inner[0]
    return model


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [model for one in typing.get_args(annotation) for model in _models_in(one)]
    return []


def _described(path: Path) -> str:
    """What the missing field is, from the model's own docstring."""
    model = _model_at(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    text = (field.description if field else "") or "this field is required"
    return text[:1].lower() + text[1:].rstrip(".")
