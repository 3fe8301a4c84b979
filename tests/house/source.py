"""The source tree as parsed modules and functions, for the tests that read it."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"

type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One file, its dotted name, its number of lines and its syntax tree."""

    name: str
    lines: int
    tree: ast.Module

    def functions(self) -> Iterator[tuple[str, type_of_function]]:
        """Each function at any depth, with the address `module:line name` that a person can go to."""
        for node in ast.walk(self.tree):
            if isinstance(node, type_of_function):
                yield f"{self.name}:{node.lineno} {node.name}", node


@cache
def modules_under(*folders: str) -> tuple[Module, ...]:
    """The modules of folders that are given relative to the repository; names are relative to `src` or to its root."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            base = SOURCE if path.is_relative_to(SOURCE) else ROOT
            parts = path.relative_to(base).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            text = path.read_text(encoding="utf-8")
            found.append(Module(name=name, lines=text.count("\n"), tree=ast.parse(text, str(path))))
    return tuple(found)


def the_house() -> tuple[Module, ...]:
    """Every module of the package."""
    return modules_under("src/tauon")


def committed_files() -> list[Path]:
    """Every file of the repository that git knows, or that an unpacked archive holds."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        names = listed.stdout.decode().split("\0")
        return [path for name in names if name and (path := ROOT / name).is_file()]
    skipped = {"build", "dist", "site", "out", "__pycache__"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(p in skipped or p.startswith(".") for p in path.relative_to(ROOT).parts[:-1])
    ]
