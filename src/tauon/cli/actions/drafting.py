"""From files, a command and flags to job documents: what is wrong is named by its line, or by its flag."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath

import click

from tauon.cli.options import RunOptions
from tauon.model.errors import InvalidRequest
from tauon.model.job_spec import JobSpec
from tauon.service.documents import Document, document_of, read_documents, to_specs

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_SUFFIXES = (".yaml", ".yml", ".json")


def drafts(options: RunOptions) -> list[JobSpec]:
    """The jobs to submit. Raises InvalidSpec with all that is wrong; click.UsageError when there is nothing to submit."""
    documents = [document for file in options.files for document in _read(file, options)]
    if options.command is not None:
        if not options.command:
            raise click.UsageError("nothing stands after `--`; write for example: tauon run -- python train.py")
        if not documents:
            documents = [document_of({"name": _name(_script(options.command))})]
        if len(documents) > 1:
            raise click.UsageError("one command can't be that of several jobs; give one document, or no command")
        documents[0].put(("run",), _command_line(options.command), "the command")
    if not documents:
        raise click.UsageError("say what to run: a file, or a command after `--`, as in: tauon run -- python train.py")
    for document in documents:
        for path, value, flag in _overrides(options):
            document.put(path, value, flag)
        for path, value, flag in _additions(document, options):
            document.put(path, value, flag)
    return to_specs(documents)


def _read(file: Path, options: RunOptions) -> list[Document]:
    """The documents of a file; they are called after it if they have no name, and `workdir` is relative to it."""
    is_standard_input = str(file) == "-"
    try:
        text = sys.stdin.buffer.read() if is_standard_input else file.read_bytes()
    except FileNotFoundError as error:
        raise InvalidRequest(_no_such_file(file, options)) from error
    except IsADirectoryError as error:
        raise InvalidRequest(f"{file} is a folder; give a job document in it, such as {file / 'job.yaml'}") from error
    documents = read_documents(text, source="standard input" if is_standard_input else str(file))
    for document in documents:
        if not document.data.get("name") and not is_standard_input:
            document.put(("name",), _name(file.stem), "the file's name")
        workdir = document.data.get("workdir")
        if isinstance(workdir, str) and not workdir.startswith("blob:") and not is_standard_input:
            document.put(("workdir",), str(file.parent / Path(workdir).expanduser()), "workdir")
    return documents


def _no_such_file(file: Path, options: RunOptions) -> str:
    if file.suffix not in _SUFFIXES:
        words = shlex.join([str(name) for name in options.files])
        return f"there is no file {file}; to run a command, put it after `--`: tauon run -- {words}"
    from difflib import get_close_matches

    there = {path.stem: path for path in file.parent.glob("*") if path.suffix in _SUFFIXES}
    meant = get_close_matches(file.stem, there, n=1)
    return f"there is no file {file}" + (f"; did you mean {there[meant[0]]}?" if meant else "")


def _command_line(words: tuple[str, ...]) -> str:
    """One word is a line of shell as it stands; several are a command and its arguments."""
    return words[0] if len(words) == 1 else shlex.join(words)


def _script(words: tuple[str, ...]) -> str:
    """What a command is called after: the first script among its words, else its first word."""
    parts = words if len(words) > 1 else tuple(words[0].split())
    scripts = [word for word in parts if PurePath(word).suffix in (".py", ".sh")]
    word = scripts[0] if scripts else (parts[0] if parts else "job")
    return PurePath(word).stem


def _name(text: str) -> str:
    return _PLAIN.sub("-", text).strip("-._")[:63].strip("-._") or "job"


def _overrides(options: RunOptions) -> Iterator[tuple[tuple[str, ...], object, str]]:
    """Fields that a flag sets, whatever the document says."""
    plain: tuple[tuple[tuple[str, ...], object, str], ...] = (
        (("name",), options.name, "--name"),
        (("queue",), options.queue, "--queue"),
        (("priority",), options.priority, "--priority"),
        (("workers",), options.workers, "--workers"),
        (("resources", "cpu"), options.cpus, "--cpus"),
        (("resources", "memory"), options.memory, "--memory"),
        (("resources", "disk"), options.disk, "--disk"),
        (("max_price",), options.max_price, "--max-price"),
        (("timeout",), options.timeout, "--timeout"),
        (("deadline",), options.deadline, "--deadline"),
        (("retries", "failed"), options.retries, "--retries"),
        (("workdir",), options.workdir, "--workdir"),
    )
    yield from (item for item in plain if item[1] is not None)
    if options.gpus:
        kinds = [{"count": int(text)} if text.isdecimal() else text for text in options.gpus]
        yield ("resources", "accelerators"), kinds[0] if len(kinds) == 1 else kinds, "--gpus"
    for text in options.env:
        name, sign, value = text.partition("=")
        if not sign and name not in os.environ:
            raise click.UsageError(f"--env {name}: it is not set here; write {name}=VALUE")
        yield ("env", name), value if sign else os.environ[name], "--env"
    for text in options.label:
        key, sign, value = text.partition("=")
        if not sign:
            raise click.UsageError(f"--label {text}: a label is written KEY=VALUE")
        yield ("labels", key), value, "--label"


def _additions(document: Document, options: RunOptions) -> Iterator[tuple[tuple[str, ...], object, str]]:
    """Lists that a flag adds to."""
    for field, words, flag in (
        ("secrets", options.secret, "--secret"),
        ("depends_on", options.depends_on, "--depends-on"),
    ):
        if words:
            there = document.data.get(field)
            yield (field,), [*(there if isinstance(there, list) else ()), *words], flag
