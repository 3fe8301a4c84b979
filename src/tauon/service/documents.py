"""Job documents: YAML or JSON text, or an object from a request, becomes a `JobSpec`, or all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from tauon.model.errors import InvalidSpec
from tauon.model.job_spec import JobSpec
from tauon.service.spec_problems import problems_of, without_empty_sections
from tauon.service.yaml_tree import Path, Problem, Tree, read_trees

_AS_WRITTEN = ("env", "labels")  # text by nature: 1.10 stays 1.10, and yes stays yes
_MOST_PROBLEMS = 20
_NUMBER = re.compile(r"\d+")


class Document:
    """One job document, not checked yet: flags may still be put over its fields."""

    def __init__(self, tree: Tree, source: str) -> None:
        self._tree = tree
        self._source = source
        self._origins: dict[Path, str] = {}
        self._data: dict[str, Any] | None = None
        if isinstance(tree.data, dict):
            self._data = {name: self._text_as_written(name, value) for name, value in tree.data.items()}
        elif not tree.problems:
            place = tree.values.get((), source)
            tree.problems.append(Problem(place, "a job is a mapping of fields, such as `run: python train.py`"))

    @property
    def data(self) -> Mapping[str, Any]:
        """The fields as they stand."""
        return self._data or {}

    def put(self, path: tuple[str, ...], value: object, origin: str) -> None:
        """Set a field, whatever the document says; `origin` (a flag) is named if the value turns out wrong."""
        if self._data is None:
            return
        here = self._data
        for part in path[:-1]:
            inner = here.get(part)
            here[part] = dict(inner) if isinstance(inner, dict) else {}
            here = here[part]
        here[path[-1]] = value
        self._origins[path] = origin

    def check(self) -> tuple[JobSpec | None, list[Problem]]:
        """The job that it describes, or all that is wrong with it."""
        problems = list(self._tree.problems)
        if self._data is None:
            return None, problems
        data = without_empty_sections(self._data)
        spec, found = self._validated(data)
        texts = [path for path, kind, _ in found if kind == "string_type" and path in self._tree.written]
        if texts:  # 2024 where text belongs was meant as text
            for path in texts:
                _set(data, path, self._tree.written[path])
            spec, found = self._validated(data)
        for path, kind, sentence in found:
            is_unread = kind == "missing" and problems and path in self._tree.keys
            if not is_unread:
                problems.append(Problem(self._place(path, kind), sentence))
        problems.sort(key=lambda problem: [int(number) for number in _NUMBER.findall(problem.place)][-2:])
        return (None if problems else spec), problems

    def _validated(self, data: dict[str, Any]) -> tuple[JobSpec | None, list[tuple[Path, str, str]]]:
        try:
            return JobSpec.model_validate(data), []
        except ValidationError as error:
            return None, problems_of(error, data)

    def _place(self, path: Path, kind: str) -> str:
        """Where a problem stands: the flag that set it, else the key or the value in the text, else the source."""
        for length in range(len(path), -1, -1):
            here = path[:length]
            if here in self._origins:
                return self._origins[here]
            places = self._tree.keys if kind == "extra_forbidden" else self._tree.values
            if here in places:
                return places[here]
        return self._source

    def _text_as_written(self, name: str, value: object) -> object:
        if name not in _AS_WRITTEN or not isinstance(value, dict):
            return value
        written = self._tree.written
        return {
            key: written[name, key]
            if (name, key) in written and (inner is not None or not written[name, key])
            else inner
            for key, inner in value.items()
        }


def read_documents(text: str | bytes, *, source: str = "") -> list[Document]:
    """The documents of a file (YAML, several separated by `---`, or JSON); what is wrong comes out when it is checked."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return [_broken(f"this is no text: byte {error.start + 1} is not UTF-8", source)]
    documents = [Document(tree, source) for tree in read_trees(text, source)]
    return documents or [_broken("there is no job here; the least that one needs is `run: COMMAND`", source)]


def document_of(value: object, *, source: str = "") -> Document:
    """A document from an object that was read elsewhere; its places are the names of its fields."""
    return Document(Tree(value, {}, {}, {}, []), source)


def to_specs(documents: Sequence[Document]) -> list[JobSpec]:
    """The jobs that these documents describe. Raises InvalidSpec with all problems of all of them, one a line."""
    checked = [document.check() for document in documents]
    problems = [problem for _, found in checked for problem in found]
    if problems:
        raise InvalidSpec("\n".join(_lines(problems)))
    return [spec for spec, _ in checked if spec is not None]


def parse_specs(text: str | bytes, *, source: str = "") -> list[JobSpec]:
    """The jobs of a text. Raises InvalidSpec, which names file, line, column, what was expected and what was meant."""
    return to_specs(read_documents(text, source=source))


def spec_of(value: object) -> JobSpec:
    """The job that an object describes, as it comes in a request. Raises InvalidSpec."""
    return to_specs([document_of(value)])[0]


def _broken(message: str, source: str) -> Document:
    return Document(Tree(None, {}, {}, {}, [Problem(source, message)]), source)


def _lines(problems: Sequence[Problem]) -> Iterator[str]:
    for problem in problems[:_MOST_PROBLEMS]:
        yield str(problem)
    if len(problems) > _MOST_PROBLEMS:
        yield f"and {len(problems) - _MOST_PROBLEMS} more"


def _set(data: Any, path: Path, value: str) -> None:
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value
