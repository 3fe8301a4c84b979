"""How the client says things over HTTP, and what the answer means, or that there is none."""

from __future__ import annotations

from secrets import token_hex
from typing import Any, TypeVar, get_origin
from urllib.parse import quote

import msgspec

from tauon.api.lean_httpx import httpx
from tauon.api.problems import Problem, error_of
from tauon.model.errors import AccessDenied, InvalidRequest, NotFound, TauonError, Unavailable

T = TypeVar("T")


def absence(error: httpx.TransportError, url: str) -> Unavailable:
    """The error that tells why there was no answer."""
    if isinstance(error, httpx.ConnectError):
        return Unavailable(
            f"no server answers at {url}: start one with `tauon up`, or name another in TAUON_SERVER ({_cause(error)})"
        )
    if isinstance(error, httpx.TimeoutException):
        return Unavailable(f"the server at {url} did not answer in time; try again, or look at its log")
    return Unavailable(f"the connection to {url} broke ({_cause(error)}); try again")


def refusal(status: int, content: bytes, url: str) -> TauonError:
    """The error that a refused request stands for."""
    try:
        return error_of(msgspec.json.decode(content, type=Problem))
    except msgspec.DecodeError:
        pass  # not from the application itself
    if status in (502, 503, 504):
        return Unavailable(f"the server at {url} can't answer now (HTTP {status}); try again in a moment")
    if status in (401, 403):
        return AccessDenied(f"{url} does not accept this token (HTTP {status}); run `tauon login`")
    if status == 404:
        return NotFound(f"there is no such thing at {url} (HTTP 404)")
    if status in (400, 413):
        return InvalidRequest(f"{url} refused the request (HTTP {status})")
    return TauonError(f"{url} answered HTTP {status} and nothing that a Tauon server says; is the address right?")


def decoded(content: bytes, kind: type[T], url: str) -> T:
    """The value in an answer. Raises TauonError when it is of another kind."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise TauonError(
            f"{url} answered something that this version does not understand ({error}); is it the same version?"
        ) from error


def parameters(query: msgspec.Struct) -> dict[str, Any]:
    """A query as URL parameters; what is as by default is left out."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(query):
        value = getattr(query, field.name)
        if value != field.default:
            found[field.name] = list(value) if get_origin(field.type) is tuple else _text(value)
    return found


def part(name: str) -> str:
    """A name as one part of a path, whatever is in it. Raises NotFound when nothing is."""
    if not name:
        raise NotFound("nothing is known by an empty name")
    return quote(name, safe="").replace(".", "%2E") if name in (".", "..") else quote(name, safe="")


def key_header(key: str) -> dict[str, str]:
    """The header that makes a submit safe to repeat; with a key of our own if the caller has none."""
    if not key:
        key = token_hex(16)
    elif not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidRequest("an idempotency key is a single word of visible ASCII characters")
    return {"idempotency-key": key}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cause(error: BaseException) -> str:
    """The innermost reason, which is the one that says something."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return str(error) or type(error).__name__
