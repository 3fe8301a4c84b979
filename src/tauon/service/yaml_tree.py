"""YAML and JSON text as plain data that remembers where each value was written.

Plain scalars are read by the core schema of YAML 1.2 (only `true` and `false` are booleans, `1:30` and dates are text),
duplicate keys are refused, aliases and merge keys (`<<`) work but can't blow a document up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml
from msgspec import Struct

Path = tuple[str | int, ...]
_Pairs = list[tuple[yaml.Node, yaml.Node]]

MAX_CHARACTERS = 1 << 20
MAX_VALUES = 20_000
MAX_DEPTH = 50

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONG_NUMBER = 400  # digits; no amount needs them, and Python refuses to read thousands of them

# What PyYAML says -> what it means for the person who wrote the file.
_SYNTAX = (
    ("found character '\\t'", "a tab stands here; YAML is indented with spaces"),
    ("mapping values are not allowed", "a second `:` in one value: quote the value, or indent as the line above"),
    ("could not find expected ':'", "expected `key: value`; a colon followed by a space is missing"),
    ("expected <block end>, but found '<block mapping start>'", "this line is indented differently from those above"),
    ("expected <block end>, but found '<block sequence start>'", "this `-` is indented differently from those above"),
    ("expected <block end>, but found '-'", "expected `key: value` as on the lines above, not a list's `-`"),
    ("expected <block end>, but found '?'", "expected `- value` as on the lines above, or less indentation"),
    ("expected <block end>", "this does not continue what stands above; check the indentation and the quotes"),
    ("found unexpected end of stream", "the text ends inside quotes; the closing quote is missing"),
    ("expected ',' or ']'", "expected `,` or the `]` that closes the list"),
    ("expected ',' or '}'", "expected `,` or the `}` that closes the mapping"),
    ("found undefined alias", "this alias (`*name`) has no anchor (`&name`) before it"),
    ("found duplicate anchor", "this anchor (`&name`) is there already"),
    ("found undefined tag handle", "tags (`!name`) mean nothing here; quote the text if it begins with `!`"),
    ("found unknown escape character", "an unknown escape in double quotes; write `\\\\` for a backslash"),
    ("did not find expected comment or line break", "only a comment or the end of the line may follow here"),
    ("sequence entries are not allowed here", "a list's `-` can't follow on the same line; begin a new one"),
    ("block sequence entries are not allowed", "a list's `-` can't follow on the same line; begin a new one"),
    ("cannot start any token", "no value begins with this character; quote the text"),
)


class Problem(Struct, frozen=True):
    """Something wrong in a document: the place (`file:line:column`, a flag, or empty) and what was expected there."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class Tree(Struct):
    """One document: its data, the place of every key and value, plain scalars as they were written, and what is wrong."""

    data: object
    keys: dict[Path, str]
    values: dict[Path, str]
    written: dict[Path, str]
    problems: list[Problem]


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars by the core schema of YAML 1.2 instead of by the rules of YAML 1.1."""

    def resolve(self, kind: type[yaml.Node], value: object, implicit: object) -> str:
        if kind is yaml.ScalarNode and isinstance(value, str) and isinstance(implicit, tuple) and implicit[0]:
            return _TAG + _core_type(value)
        return _TAG + {yaml.ScalarNode: "str", yaml.SequenceNode: "seq"}.get(kind, "map")


def _core_type(text: str) -> str:
    if _NULL.fullmatch(text):
        return "null"
    if _BOOL.fullmatch(text):
        return "bool"
    if _INT.fullmatch(text):
        return "int"
    return "float" if _FLOAT.fullmatch(text) else "str"


def read_trees(text: str, source: str) -> list[Tree]:
    """The documents of a text; an error of syntax is the problem of the last one. Empty ones are left out."""
    return list(_trees(text, source))


def _trees(text: str, source: str) -> Iterator[Tree]:
    if len(text) > MAX_CHARACTERS:
        yield _broken(Problem(source, f"more than {MAX_CHARACTERS >> 20} MiB; a job document is a page or two"))
        return
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON may be indented by tabs; inside its strings there are none
    try:
        for node in yaml.compose_all(text, Loader=_Loader):
            if node.tag != _TAG + "null":
                yield _Builder(source).tree(node)
    except yaml.MarkedYAMLError as error:
        yield _broken(_syntax_problem(error, source))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = _place(source, before.count("\n"), len(before) - before.rfind("\n") - 1)
        yield _broken(Problem(place, f"an unprintable character (number {error.character}); is this a text file?"))
    except RecursionError:
        yield _broken(Problem(source, f"nested more than {MAX_DEPTH} deep"))
    except ValueError as error:  # a numeric escape beyond the last character
        yield _broken(Problem(source, f"this is no YAML: {error}"))


def _broken(problem: Problem) -> Tree:
    return Tree(None, {}, {}, {}, [problem])


def _syntax_problem(error: yaml.MarkedYAMLError, source: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = error.problem or error.context or "this is no YAML"
    meant = next((meaning for sign, meaning in _SYNTAX if sign in said), said)
    if error.context and error.context_mark and ("quoted scalar" in error.context or "simple key" in error.context):
        mark = error.context_mark  # where the quotes open, or the word stands, says more than where the text went wrong
    place = _place(source, mark.line, mark.column) if mark else source
    return Problem(place, f"{meant}{_nearby(mark)}")


def _nearby(mark: yaml.Mark | None) -> str:
    """The line an error of syntax stands on, if it is short enough to help."""
    if mark is None or mark.buffer is None:
        return ""
    start = mark.buffer.rfind("\n", 0, mark.pointer) + 1
    end = mark.buffer.find("\n", mark.pointer)
    line = mark.buffer[start : end if end >= 0 else None].strip().strip("\0")
    return f" (in `{line}`)" if 0 < len(line) <= 60 and line.isprintable() else ""


def _place(source: str, line: int, column: int) -> str:
    return f"{source}:{line + 1}:{column + 1}" if source else f"line {line + 1}, column {column + 1}"


class _Builder:
    """Turns the nodes of one document into data, and notes the place of each."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._left = MAX_VALUES
        self._is_too_large = False
        self._made = Tree(None, {}, {}, {}, [])

    def tree(self, node: yaml.Node) -> Tree:
        self._made.data = self._value(node, ())
        return self._made

    def _at(self, node: yaml.Node) -> str:
        return _place(self._source, node.start_mark.line, node.start_mark.column)

    def _wrong(self, node: yaml.Node, message: str) -> None:
        self._made.problems.append(Problem(self._at(node), message))

    def _may_go_on(self, node: yaml.Node, depth: int) -> bool:
        """Count one more value; too many (or too deep) are one problem, and nothing more is read."""
        self._left -= 1
        if self._left >= 0 and depth <= MAX_DEPTH:
            return True
        if not self._is_too_large:
            self._is_too_large = True
            self._wrong(node, f"more than {MAX_VALUES} values or {MAX_DEPTH} levels, aliases included")
        self._left = -1
        return False

    def _value(self, node: yaml.Node, path: Path) -> object:
        if not self._may_go_on(node, len(path)):
            return None
        self._made.values[path] = self._at(node)
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, path)
            case yaml.SequenceNode():
                return [self._value(child, (*path, i)) for i, child in enumerate(node.value) if self._left >= 0]
            case yaml.MappingNode():
                return self._mapping(node, path)
            case _:
                return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        first_at: dict[str, int] = {}
        own, merged = self._pairs(node, len(path))
        for key_node, child in own:
            key = self._key(key_node)
            if key in first_at:
                self._wrong(key_node, f"`{key}` is given twice; the first is on line {first_at[key]}")
            elif key is not None and self._left >= 0:
                first_at[key] = key_node.start_mark.line + 1
                self._made.keys[*path, key] = self._at(key_node)
                found[key] = self._value(child, (*path, key))
        for key_node, child in merged:
            key = self._key(key_node)
            if key is not None and key not in found and self._left >= 0:
                self._made.keys[*path, key] = self._at(key_node)
                found[key] = self._value(child, (*path, key))
        return found

    def _key(self, node: yaml.Node) -> str | None:
        text = _whole_characters(node.value) if isinstance(node, yaml.ScalarNode) else None
        if text is None:
            self._wrong(node, "a key is plain text; quote a value that begins with `{` or `[`")
        return text

    def _pairs(self, node: yaml.MappingNode, depth: int) -> tuple[_Pairs, _Pairs]:
        """A mapping's own pairs, and those that `<<` brings in: of two with one key, the first counts."""
        own: _Pairs = []
        merged: _Pairs = []
        for key_node, child in node.value:
            if not (isinstance(key_node, yaml.ScalarNode) and key_node.value == "<<" and key_node.style is None):
                own.append((key_node, child))
                continue
            for source in child.value if isinstance(child, yaml.SequenceNode) else [child]:
                if not isinstance(source, yaml.MappingNode):
                    self._wrong(child, "`<<` takes a mapping (`*name`) or a list of them")
                elif self._may_go_on(source, depth):
                    for pairs in self._pairs(source, depth + 1):
                        merged += pairs
        return own, merged

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        text = _whole_characters(node.value)
        if text is None:
            self._wrong(node, "half a character (a lone surrogate escape)")
            return None
        if node.style is None:
            self._made.written[path] = text
        match node.tag.removeprefix(_TAG):
            case "str":
                return text
            case "null":
                return None
            case "bool" if _BOOL.fullmatch(text):
                return text.lower() == "true"
            case "int" if _INT.fullmatch(text) and len(text) < _LONG_NUMBER:
                return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
            case "float" | "int" if _FLOAT.fullmatch(text) and len(text) < _LONG_NUMBER:
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            case "int" | "float" | "bool":
                self._wrong(node, f"{text[:40]!r} can't be read as a number or a boolean")
            case tag:
                self._wrong(node, f"tags such as `{tag[:40]}` mean nothing here; quote the text if it begins with `!`")
        return None


def _whole_characters(text: str) -> str | None:
    """Join the surrogate pairs that JSON's escapes leave; None if one stands alone."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None
