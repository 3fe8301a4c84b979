"""The edge: whatever comes from outside is checked here, before a use case sees it."""

from __future__ import annotations

import asyncio
import difflib
import re
from functools import cache
from typing import Any, TypeVar, get_origin
from urllib.parse import parse_qs

import msgspec
from litestar import Request
from litestar.datastructures import State

from tauon.model.errors import InvalidRequest, NotFound
from tauon.service.control_plane import ControlPlane

KIB = 1024
# `user` is who asks, `auth` what they may do: a control plane that acts in their name.
Caller = Request[str, ControlPlane, State]
Query = TypeVar("Query", bound=msgspec.Struct)
Body = TypeVar("Body", bound=msgspec.Struct)

_BODY_S = 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,252}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_KEY = re.compile(r"[!-~]{1,200}")


def job_name(value: str) -> str:
    """The id or name of a job."""
    if not _NAME.fullmatch(value):
        raise NotFound(f"no job is called {value[:100]!r}; `tauon ps` lists them")
    return value


def node_name(value: str) -> str:
    """The id of a node."""
    if not _NODE.fullmatch(value):
        raise NotFound(f"no node is called {value[:100]!r}; `tauon nodes` lists them")
    return value


def digest(value: str) -> str:
    """The SHA-256 of a blob."""
    if not _DIGEST.fullmatch(value):
        raise InvalidRequest("a blob is named by its SHA-256: 64 digits, 0-9 and a-f")
    return value


def secret_name(value: str) -> str:
    """The name of a secret, which is that of an environment variable."""
    if not _SECRET.fullmatch(value):
        raise InvalidRequest("the name of a secret is that of an environment variable: letters, digits and _")
    return value


def idempotency_key(request: Caller) -> str:
    """The key under which the same request is done once only; empty when none was given."""
    value = header(request, b"idempotency-key")
    if value and not _KEY.fullmatch(value):
        raise InvalidRequest("an Idempotency-Key is 1 to 200 visible ASCII characters")
    return value


def last_event_id(request: Caller) -> str:
    """Where a dropped stream is to go on; empty at the first time."""
    return header(request, b"last-event-id")


def header(request: Caller, wanted: bytes) -> str:
    """A header's value by its name in lower case; empty when it was not sent."""
    # The framework would make a multi-dictionary of all headers for this one, in 10 us.
    for name, value in request.scope["headers"]:
        if name == wanted:
            return value.decode("latin-1")
    return ""


async def body_of(request: Caller, *, limit_bytes: int) -> bytes:
    """The whole body. Raises InvalidRequest when it is larger than `limit_bytes` or does not come."""
    # Nearly always all of it is here with the first look, and neither a list nor a timer is needed.
    body, more = await piece_of(request)
    if more:
        try:
            async with asyncio.timeout(_BODY_S):
                body = await _gathered(request, body, limit_bytes)
        except TimeoutError as error:
            raise InvalidRequest(f"the body did not come within {_BODY_S:g} s") from error
    if len(body) > limit_bytes:
        raise InvalidRequest(f"the body is larger than the {limit_bytes // KIB:,} KiB that are taken here")
    return body


async def _gathered(request: Caller, first: bytes, limit_bytes: int) -> bytes:
    """All pieces of a body, or as many as show that it is too large."""
    pieces = [first]
    size = len(first)
    more = True
    while more and size <= limit_bytes:
        piece, more = await piece_of(request)
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


async def piece_of(request: Caller) -> tuple[bytes, bool]:
    """The next piece of a body, and whether there are more. Raises InvalidRequest when the sender has gone."""
    message: Any = await request.receive()
    if message["type"] != "http.request":
        raise InvalidRequest("the request broke off")
    return message["body"], message["more_body"]


async def document_of(request: Caller, kind: type[Body]) -> Body:
    """A small JSON body."""
    body = await body_of(request, limit_bytes=256 * KIB)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not as expected: {_plain(error)}") from error


def query_of(request: Caller, kind: type[Query], **fixed: Any) -> Query:
    """The query parameters as a value, together with `fixed` ones that come from elsewhere.

    Raises InvalidRequest at one that is unknown (with the one that was probably meant) or out of its bounds.
    """
    try:
        given = parse_qs(
            request.scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200
        )
    except ValueError as error:
        raise InvalidRequest("the query parameters can't be read") from error
    fields = _fields(kind)
    for name in given:
        if name not in fields or name in fixed:
            raise InvalidRequest(_unknown(name, [known for known in fields if known not in fixed]))
    values = {name: found if fields[name] else found[-1] for name, found in given.items()}
    try:
        return msgspec.convert(values | fixed, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"query parameter {_plain(error)}") from error


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, bool]:
    """Each field, and whether it may be given several times."""
    return {field.name: get_origin(field.type) is tuple for field in msgspec.structs.fields(kind)}


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}" if known else "there are none"
    return f"unknown query parameter {name[:100]!r}; {hint}"


def _plain(error: Exception) -> str:
    """A message of msgspec with the place first: `limit: expected int <= 1000`."""
    text, _, place = str(error).partition(" - at `$")
    text = text.replace("`", "")
    text = text[:1].lower() + text[1:]
    return f"{place.strip('`').lstrip('.')}: {text}" if place else text
