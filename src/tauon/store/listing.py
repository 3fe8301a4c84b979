"""A listing of jobs as one query, put together from named parts."""

from __future__ import annotations

from collections.abc import Mapping

from tauon.ports.store import JobFilter
from tauon.store.statements import Statement

LAST_NUMBER = 2**62


def jobs_query(named: Mapping[str, Statement], which: JobFilter) -> tuple[str, tuple[object, ...]]:
    """The text and the parameters for a page of jobs, in their order."""
    order = f"jobs_by_{which.order}{'_down' if which.reverse else ''}"
    return _query(named, which, ("jobs", order))


def count_query(named: Mapping[str, Statement], which: JobFilter) -> tuple[str, tuple[object, ...]]:
    """The text and the parameters for the number of such jobs."""
    return _query(named, which, ("count_of_jobs", ""))


def _query(named: Mapping[str, Statement], which: JobFilter, ends: tuple[str, str]) -> tuple[str, tuple[object, ...]]:
    """What is asked for and in what order, with the conditions between them."""
    parts: list[tuple[str, tuple[object, ...]]] = []
    first, last = ends

    def add(statement: str, **values: object) -> None:
        parts.append((named[statement].sql, named[statement].bind(values)))

    add(first, before=LAST_NUMBER if which.before is None else which.before)
    if which.states:
        parts.append((named["jobs_in_states"].repeated(len(which.states)), tuple(s.value for s in which.states)))
    if which.queue is not None:
        add("jobs_in_queue", queue=which.queue, below=f"{_escaped(which.queue)}/%")
    if which.user:
        add("jobs_of_user", user_name=which.user)
    if which.text:
        add("jobs_with_text", text=_pattern(which.text))
    for name, value in which.labels.items():
        add("jobs_with_label", name=name, value=value)
    if last:
        add(last, limit=which.limit, offset=which.offset)
    return "\n".join(sql for sql, _ in parts), tuple(value for _, values in parts for value in values)


def _pattern(text: str) -> str:
    """A pattern of LIKE that finds `text` anywhere, in lower case."""
    return f"%{_escaped(text.lower())}%"


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
