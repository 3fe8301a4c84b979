"""The OpenAPI document: what the framework sees of the routes, with the parameters, bodies and errors it can't see."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, get_origin

import msgspec
from litestar import Litestar
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from pydantic import BaseModel

from tauon import __version__
from tauon.api.door import HEALTH_PATH
from tauon.api.problems import Problem
from tauon.api.sse import MEDIA_TYPE
from tauon.model.job_spec import JobSpec
from tauon.ports import what_if
from tauon.service import offer_views, page_views, views

_COMPONENT = "#/components/schemas/{name}"
_KEYED = {"submit", "submit_many"}
_MADE = "requests with the same key are done once only"


@cache
def job_schema() -> dict[str, Any]:
    """The JSON Schema of the job document, for editors and forms."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **JobSpec.model_json_schema()}


def openapi_document(routes: Sequence[BaseRouteHandler]) -> dict[str, Any]:
    """The document for these routes. It takes a moment and some memory, so it is only made when somebody asks."""
    described = Litestar(
        route_handlers=list(routes),
        openapi_config=OpenAPIConfig(
            title="Tauon",
            version=__version__,
            description="One queue for every GPU you can reach.",
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )
    document: dict[str, Any] = described.openapi_schema.to_schema()
    schemas = document["components"]["schemas"]
    for route in _handlers(routes):
        for path in route.paths:
            method = next(iter(route.http_methods)).lower()
            operation = document["paths"][path.replace(":str", "")][method]
            _complete(operation, route, schemas)
    for name, schema in schemas.items():
        answer = next(
            (noun for room in (views, page_views, offer_views, what_if) if (noun := getattr(room, name, None))), None
        )
        if "description" not in schema and answer is not None:
            schema["description"] = inspect.cleandoc(answer.__doc__)
    _add(schemas, msgspec.json.schema_components([Problem], ref_template=_COMPONENT)[1])
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    document["paths"][HEALTH_PATH]["get"]["security"] = []
    document.pop("servers", None)
    plain: dict[str, Any] = json.loads(msgspec.json.encode(document))
    return plain


def _handlers(routes: Sequence[BaseRouteHandler]) -> Iterator[HTTPRouteHandler]:
    for route in routes:
        if isinstance(route, HTTPRouteHandler):
            yield route


def _complete(operation: dict[str, Any], route: HTTPRouteHandler, schemas: dict[str, Any]) -> None:
    name = route.handler_name
    operation["operationId"] = name
    operation["summary"] = name.replace("_", " ").capitalize()
    operation.pop("deprecated", None)
    parameters = [one for one in operation.get("parameters", []) if one["in"] == "path"]
    parameters += _query_parameters(route.opt.get("query"), schemas)
    if name in _KEYED:
        text = {"type": "string", "maxLength": 200}
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": text, "description": _MADE})
    if parameters:
        operation["parameters"] = parameters
    if "event" in route.opt:
        _add(schemas, msgspec.json.schema_components([route.opt["event"]], ref_template=_COMPONENT)[1])
    if "body" in route.opt:
        operation["requestBody"] = _request_body(route.opt["body"], schemas)
    operation["responses"].pop("400", None)
    operation["responses"]["default"] = {
        "description": "What was wrong",
        "content": {"application/json": {"schema": {"$ref": _COMPONENT.format(name="Problem")}}},
    }
    if route.media_type in (MEDIA_TYPE, "application/octet-stream"):
        for answer in (answer for status, answer in operation["responses"].items() if status.startswith("2")):
            answer["content"] = {str(route.media_type): {"schema": {"type": "string"}}}


def _query_parameters(query: type[msgspec.Struct] | None, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if query is None:
        return
    components = msgspec.json.schema_components([query], ref_template=_COMPONENT)[1]
    properties = components.pop(query.__name__)["properties"]
    _add(schemas, components)
    for field in msgspec.structs.fields(query):
        schema = properties[field.name]
        many = {"style": "form", "explode": True} if get_origin(field.type) is tuple else {}
        yield {"name": field.name, "in": "query", "required": False, "schema": schema, **many}


def _request_body(body: str | type[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if isinstance(body, str):
        return {"required": True, "content": {body: {"schema": {"type": "string", "format": "binary"}}}}
    if issubclass(body, BaseModel):
        whole = body.model_json_schema(ref_template=_COMPONENT.replace("{name}", "{model}"))
        _add(schemas, {**whole.pop("$defs", {}), body.__name__: whole})
    else:
        _add(schemas, msgspec.json.schema_components([body], ref_template=_COMPONENT)[1])
    reference = {"$ref": _COMPONENT.format(name=body.__name__)}
    return {"required": True, "content": {"application/json": {"schema": reference}}}


def _add(schemas: dict[str, Any], more: dict[str, Any]) -> None:
    for name, schema in more.items():
        schemas.setdefault(name, schema)
