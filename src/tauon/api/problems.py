"""How an error travels: one JSON shape made of the error tree, and the same error again at the other end."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

from tauon.model.errors import TauonError

_log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every refused request answers: a code word for programs, a sentence for people, and the error's own fields.

    `id` finds an unexpected error in the server's log; what happened there is told nowhere else.
    """

    code: str
    message: str
    id: str = ""
    details: dict[str, Any] = {}


def problem_of(error: TauonError) -> Problem:
    """An error as it is sent."""
    details = {name: value for name, value in vars(error).items() if not name.startswith("_")}
    return Problem(code=error.code, message=str(error), details=details)


def problem_of_bug(error: Exception) -> Problem:
    """What a caller may hear of an error that nobody foresaw; the rest goes to the log under the same id."""
    number = secrets.token_hex(6)
    _log.error("unexpected error %s", number, exc_info=error)
    message = f"something broke in the server; its log says more under the id {number}"
    return Problem(code="bug", message=message, id=number)


def _tree(root: type[TauonError]) -> Iterator[type[TauonError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


_BY_CODE: dict[str, type[TauonError]] = {error.code: error for error in _tree(TauonError)}


def error_of(problem: Problem) -> TauonError:
    """The error that a problem was made of; its nearest known relative where the server is of another version."""
    kind = _BY_CODE.get(problem.code, TauonError)
    try:
        return kind(problem.message, **problem.details)
    except TypeError:  # fields that this version of the error does not have
        return TauonError(problem.message)
