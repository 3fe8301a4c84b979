"""The OpenAPI document is sound and names every route; the job's schema accepts what the server accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from tauon.api.routes_document import ROUTES, document
from tests.api.servers import Served


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a document, at any depth."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_is_named() -> None:
    named = {(method.upper(), path) for path, method, _ in operations()}
    routed = {
        (next(iter(route.http_methods)), path.replace(":str", ""))  # type: ignore[attr-defined]
        for route in ROUTES
        for path in route.paths
    }
    assert named == routed


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    for node in nodes(whole):
        if "$ref" in node:
            assert node["$ref"].startswith("#/")
            here: Any = whole
            for part in node["$ref"][2:].split("/"):
                here = here[part]
            assert isinstance(here, dict)


def test_every_operation_is_complete() -> None:
    ids = []
    for path, method, operation in operations():
        ids.append(operation["operationId"])
        assert operation["description"].endswith(".")
        assert "default" in operation["responses"]
        parameters = operation.get("parameters", [])
        in_path = {one["name"] for one in parameters if one["in"] == "path"}
        assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        assert all("schema" in one for one in parameters)
        if method in ("put", "post") and not path.endswith(
            ("/cancel", "/drain", "/undrain", "/migrate", "/session", "/link")
        ):
            assert "requestBody" in operation
    assert len(set(ids)) == len(ids)


def test_what_people_look_for_is_there() -> None:
    paths = document()["paths"]
    listed = {one["name"]: one for one in paths["/v1/jobs"]["get"]["parameters"]}
    assert listed["limit"]["schema"]["maximum"] == 10_000
    assert listed["states"]["explode"] is True
    body = paths["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/JobSpec"}
    assert [one["name"] for one in paths["/v1/jobs"]["post"]["parameters"]] == ["Idempotency-Key"]
    assert "text/event-stream" in paths["/v1/events/stream"]["get"]["responses"]["200"]["content"]
    assert paths["/healthz"]["get"]["security"] == []


def test_it_is_served(server: Served, http: httpx.Client) -> None:
    assert http.get("/v1/openapi.json").json() == document()
    schema = http.get("/v1/schema/job.json").json()
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["required"] == ["run"]
    assert schema["additionalProperties"] is False
    assert server.plane.seen == []
