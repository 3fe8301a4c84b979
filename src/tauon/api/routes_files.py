"""Routes for what is kept beside the journal: uploaded folders and secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from litestar import delete, get, head, put
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.response import Response

from tauon.api.answer import Answer
from tauon.api.edge import Caller, digest, document_of, piece_of, secret_name
from tauon.model.errors import InvalidRequest


class SecretValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value of a secret on its way in; it is never given out again."""

    value: str


async def _pieces(request: Caller, limit_bytes: int) -> AsyncIterator[bytes]:
    """The body as it comes, cut off when it grows too large."""
    size = 0
    more = True
    while more:
        piece, more = await piece_of(request)
        size += len(piece)
        if size > limit_bytes:
            raise InvalidRequest(_too_large(limit_bytes))
        if piece:
            yield piece


def _too_large(limit_bytes: int) -> str:
    return (
        f"an upload has {limit_bytes // 2**20:,} MiB at most; leave out with .tauonignore what the job does not need, "
        "or give the pool a path as an input"
    )


@head("/v1/blobs/{name:str}")
async def has_blob(request: Caller, name: FromPath[str]) -> Response[None]:
    """Whether an archive with this SHA-256 is stored (200) or not (404)."""
    found = await request.auth.has_blob(digest(name))
    return Answer(None, status_code=200 if found else 404)


@put("/v1/blobs/{name:str}", status_code=204, opt={"body": "application/octet-stream"})
async def put_blob(request: Caller, name: FromPath[str]) -> None:
    """Store an archive under the SHA-256 of its bytes."""
    limit_bytes: int = request.app.state.blob_limit_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise InvalidRequest(_too_large(limit_bytes))
    await request.auth.put_blob(digest(name), _pieces(request, limit_bytes))


@get("/v1/secrets")
async def secrets(request: Caller) -> list[str]:
    """The names of the stored secrets."""
    return await request.auth.secrets()


@put("/v1/secrets/{name:str}", status_code=204, opt={"body": SecretValue})
async def put_secret(request: Caller, name: FromPath[str]) -> None:
    """Store a secret, or another value for it."""
    secret_name(name)
    document = await document_of(request, SecretValue)
    await request.auth.put_secret(name, document.value)


@delete("/v1/secrets/{name:str}", status_code=204)
async def delete_secret(request: Caller, name: FromPath[str]) -> None:
    """Forget a secret."""
    await request.auth.delete_secret(secret_name(name))


ROUTES: list[BaseRouteHandler] = [has_blob, put_blob, secrets, put_secret, delete_secret]
