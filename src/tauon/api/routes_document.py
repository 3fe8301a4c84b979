"""Routes that describe the API itself: its OpenAPI document and the schema of the job document."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.handlers import BaseRouteHandler

from tauon.api import routes_files, routes_fleet, routes_jobs, routes_live, routes_session, routes_streams
from tauon.api.openapi import job_schema, openapi_document


@get("/v1/schema/job.json")
async def job_schema_json() -> dict[str, Any]:
    """The JSON Schema of the job document."""
    return job_schema()


@get("/v1/openapi.json")
async def openapi_json() -> dict[str, Any]:
    """This API as an OpenAPI document."""
    return document()


ROUTES: list[BaseRouteHandler] = [
    *routes_fleet.ROUTES,
    *routes_jobs.ROUTES,
    *routes_streams.ROUTES,
    *routes_live.ROUTES,
    *routes_files.ROUTES,
    *routes_session.ROUTES,
    job_schema_json,
    openapi_json,
]


def document() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    return openapi_document(ROUTES)
