"""Job documents in requests: JSON bytes become checked documents, quickly where they are right."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
from pydantic import ValidationError

from tauon.model.errors import InvalidRequest, InvalidSpec
from tauon.model.job_spec import JobSpec
from tauon.service.documents import spec_of

MOST_AT_ONCE = 100_000
_AT_A_TIME = 100


class BulkSubmit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many job documents, all or none of which are taken."""

    jobs: list[msgspec.Raw]


def read_spec(body: bytes) -> JobSpec:
    """One document. Raises InvalidSpec with all that is wrong with it, or InvalidRequest when it is no JSON."""
    try:
        return JobSpec.model_validate_json(body)
    except ValidationError:
        return spec_of(_parsed(body))  # the slow way, which can tell what was meant


async def read_specs(body: bytes) -> list[JobSpec]:
    """Many documents; equal ones are checked once. Other requests have their turn in between."""
    try:
        documents = msgspec.json.decode(body, type=BulkSubmit).jobs
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f'the body is not as expected, {{"jobs": [...]}}: {error}') from error
    if not 1 <= len(documents) <= MOST_AT_ONCE:
        raise InvalidRequest(f"between 1 and {MOST_AT_ONCE:,} jobs can be submitted at once, not {len(documents):,}")
    checked: dict[bytes, JobSpec] = {}
    specs = []
    for i, document in enumerate(map(bytes, documents)):
        spec = checked.get(document)
        if spec is None:
            spec = checked[document] = _numbered(i, document)
            if len(checked) % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        specs.append(spec)
    return specs


def _numbered(i: int, document: bytes) -> JobSpec:
    try:
        return read_spec(document)
    except InvalidSpec as error:
        raise InvalidSpec("\n".join(f"jobs[{i}]: {line}" for line in str(error).splitlines())) from error


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode())  # bytes it would take for UTF-16 too
    except RecursionError as error:
        raise InvalidRequest("the body is nested too deeply to be a job") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is no text: byte {error.start + 1} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"the body is no JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
