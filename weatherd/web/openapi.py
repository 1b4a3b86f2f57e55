"""The endpoints, described: OpenAPI 3.1, from the models that answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from weatherd import __version__
from weatherd.web import schemas

if TYPE_CHECKING:
    from pydantic import BaseModel

    from weatherd.web.schemas import Model

_REF = "#/components/schemas/{model}"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def build_openapi(*, has_token: bool) -> dict[str, Any]:
    """Return the description."""
    shown: list[type[BaseModel]] = [
        schemas.CitiesPage,
        schemas.CityDetail,
        schemas.HealthModel,
        schemas.ObservationsPage,
        schemas.ProblemModel,
        schemas.StatusModel,
    ]
    _, schema = models_json_schema([(each, "serialization") for each in shown], ref_template=_REF)
    bearer = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}} if has_token else {}
    return {
        "openapi": "3.1.0",
        "info": {"title": "weatherd", "version": __version__, "description": "The weather of a list of cities."},
        "paths": _paths(has_token=has_token),
        "components": {"schemas": schema["$defs"], **bearer},
    }


def _paths(*, has_token: bool) -> dict[str, Any]:
    guard: dict[str, Any] = {"security": [{"bearer": []}]} if has_token else {}
    denied = [401] if has_token else []

    def get(summary: str, answer: dict[str, Any], query: type[Model] = schemas.NoQuery, *also: int) -> dict[str, Any]:
        parameters = _parameters(query)
        return {
            "get": {
                "summary": summary,
                "parameters": parameters,
                **guard,
                "responses": _responses(answer, 400, *denied, *also),
            }
        }

    city = get("All that is known of a city", _json(schemas.CityDetail), schemas.NoQuery, 404)
    city["parameters"] = [_ID]
    text = {"text/plain": {"schema": {"type": "string"}}}
    openmetrics = {"application/openmetrics-text": {"schema": {"type": "string"}}}
    metrics = get("Metrics for Prometheus", {**text, **openmetrics})
    reload = {
        "post": {
            "summary": "Read the files again",
            **guard,
            "responses": _responses(_json(schemas.HealthModel), 400, 403, *denied, done=202),
        }
    }
    health = {"tags": ["health"], "security": []} if has_token else {"tags": ["health"]}
    looks = {
        path: {"get": {"summary": summary, **health, "responses": _health()}}
        for path, summary in {"/-/healthy": "Whether the loops move", "/-/ready": "Whether it has started"}.items()
    }
    return {
        **looks,
        "/-/reload": reload,
        "/metrics": metrics,
        "/": get("The page", {"text/html": {"schema": {"type": "string"}}}),
        "/api/v1/openapi.json": get("This description", {"application/json": {"schema": {"type": "object"}}}),
        "/api/v1/status": get("The daemon as a whole", _json(schemas.StatusModel)),
        "/api/v1/cities": get("The cities, by their ids", _json(schemas.CitiesPage), schemas.CitiesQuery),
        "/api/v1/cities/{id}": city,
        "/api/v1/observations": get(
            "The journal, in the order of arrival", _json(schemas.ObservationsPage), schemas.ObservationsQuery, 503
        ),
        "/api/v1/stream": get(
            "New observations, as server-sent events",
            {"text/event-stream": {"schema": {"type": "string"}}},
            schemas.StreamQuery,
            503,
        ),
    }


def _parameters(query: type[Model]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "description": schema.get("description", ""),
            "schema": _without_null({key: value for key, value in schema.items() if key != "description"}),
        }
        for name, schema in query.model_json_schema(mode="validation").get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a parameter may be: it may be left out, but not be null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    return kinds[0] if kinds else schema


def _json(model: type[Model]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}


def _responses(answer: dict[str, Any], *problems: int, done: int = 200) -> dict[str, Any]:
    told = {"application/problem+json": {"schema": {"$ref": _REF.format(model="ProblemModel")}}}
    wrong = {str(status): {"description": "what is wrong", "content": told} for status in problems}
    known = {} if done != 200 else {"304": {"description": "what you have is still right"}}  # noqa: PLR2004
    return {str(done): {"description": "the answer", "content": answer}, **known, **wrong}


def _health() -> dict[str, Any]:
    answer = _json(schemas.HealthModel)
    return {**_responses(answer, 400), "503": {"description": "no", "content": answer}}
