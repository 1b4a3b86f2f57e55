"""OpenAPI 3.1 description of the endpoints, generated from their request and response models."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from weatherd import __version__
from weatherd.web import query_models, schemas
from weatherd.web.alerts.models import AlertsPage, SilenceModel, SilencesModel
from weatherd.web.comparison.models import ComparisonModel, ComparisonQuery
from weatherd.web.days.models import DaysModel
from weatherd.web.days.query import DaysQuery
from weatherd.web.page import models as page_models
from weatherd.web.warnings.models import WarningsPage

if TYPE_CHECKING:
    from pydantic import BaseModel

    from weatherd.web.schemas import Model

_REF = "#/components/schemas/{model}"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def build_openapi(*, has_token: bool) -> dict[str, Any]:
    """Return the OpenAPI document. If *has_token*, all endpoints except for the health checks require the token."""
    models: list[type[BaseModel]] = [
        schemas.CitiesPage,
        schemas.CityDetail,
        schemas.HealthModel,
        schemas.ObservationsPage,
        schemas.ProblemModel,
        schemas.StatusModel,
        AlertsPage,
        ComparisonModel,
        DaysModel,
        SilenceModel,
        SilencesModel,
        WarningsPage,
        page_models.ChartModel,
        page_models.CurvesModel,
        page_models.MapModel,
        page_models.OverviewModel,
        page_models.ServiceModel,
        page_models.WordsModel,
    ]
    _, schema = models_json_schema([(model, "serialization") for model in models], ref_template=_REF)
    bearer = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}} if has_token else {}
    return {
        "openapi": "3.1.0",
        "info": {"title": "weatherd", "version": __version__, "description": "Current weather for a list of cities."},
        "paths": _paths(has_token=has_token),
        "components": {"schemas": schema["$defs"], **bearer},
    }


def _paths(*, has_token: bool) -> dict[str, Any]:
    security: dict[str, Any] = {"security": [{"bearer": []}]} if has_token else {}
    denied = 401 if has_token else 421  # no or a wrong token, or a foreign host name

    def get(
        summary: str, content: dict[str, Any], query: type[Model] = query_models.NoQuery, *errors: int
    ) -> dict[str, Any]:
        parameters = _parameters(query)
        return {
            "get": {
                "summary": summary,
                "parameters": parameters,
                **security,
                "responses": _responses(content, 400, denied, *errors),
            }
        }

    city = get("Details of a city", _json(schemas.CityDetail), query_models.ScopeQuery, 404)
    csv = {"text/csv": {"schema": {"type": "string"}}}
    chart = get("History of a city for a chart", _json(page_models.ChartModel) | csv, query_models.ChartQuery, 404, 503)
    days = get("Days, weeks, months or years of a city", _json(DaysModel), DaysQuery, 404, 503)
    comparison = get("Comparison of a city's services", _json(ComparisonModel), ComparisonQuery, 404, 503)
    of_city = {"": city, "/chart": chart, "/days": days, "/comparison": comparison}
    text = {"text/plain": {"schema": {"type": "string"}}}
    openmetrics = {"application/openmetrics-text": {"schema": {"type": "string"}}}
    metrics = get("Prometheus metrics", {**text, **openmetrics})
    reload = {
        "post": {
            "summary": "Reload the configuration and the city list",
            **security,
            "responses": _responses(_json(schemas.HealthModel), 400, 403, denied, success=HTTPStatus.ACCEPTED),
        }
    }
    add_silence = {
        "summary": "Silence alerts",
        "parameters": _parameters(query_models.SilenceQuery),
        **security,
        "responses": _responses(_json(SilenceModel), 400, 403, denied, 503, success=HTTPStatus.CREATED),
    }
    end_silence = {
        "summary": "End a silence",
        "parameters": [_ID],
        **security,
        "responses": _responses(_json(SilencesModel), 400, 403, 404, denied, 503),
    }
    silences = get("Silences of alerts in force", _json(SilencesModel)) | {"post": add_silence}
    health_content = _json(schemas.HealthModel)
    unhealthy = {"503": {"description": "Unhealthy", "content": health_content}}
    health_responses = {**_responses(health_content, 400, *([] if has_token else [421])), **unhealthy}
    health = {"tags": ["health"], "security": []} if has_token else {"tags": ["health"]}
    health_paths = {
        path: {"get": {"summary": summary, **health, "responses": health_responses}}
        for path, summary in {
            "/-/healthy": "Liveness: whether the daemon makes progress",
            "/-/ready": "Readiness: whether the daemon has started and is not stopping",
        }.items()
    }
    return {
        **health_paths,
        "/-/reload": reload,
        "/metrics": metrics,
        "/": get("Web page", {"text/html": {"schema": {"type": "string"}}}),
        "/api/v1/openapi.json": get("This OpenAPI description", {"application/json": {"schema": {"type": "object"}}}),
        "/api/v1/status": get("Status of the daemon", _json(schemas.StatusModel), query_models.ScopeQuery),
        "/api/v1/cities": get("Cities", _json(schemas.CitiesPage), query_models.CitiesQuery),
        **{f"/api/v1/cities/{{id}}{part}": {"parameters": [_ID], **item} for part, item in of_city.items()},
        "/api/v1/curves": get(
            "Last 24 hours of several cities", _json(page_models.CurvesModel), query_models.CurvesQuery, 503
        ),
        "/api/v1/overview": get("All cities at a glance", _json(page_models.OverviewModel), query_models.ScopeQuery),
        "/api/v1/service": get(
            "The daemon and its last warnings", _json(page_models.ServiceModel), query_models.NoQuery, 503
        ),
        "/api/v1/words": get("Words for the weather", _json(page_models.WordsModel), query_models.WordsQuery),
        "/api/v1/map": get("Cities on a part of the earth", _json(page_models.MapModel), query_models.MapQuery),
        "/api/v1/observations": get(
            "Observations in the journal, in order of arrival",
            _json(schemas.ObservationsPage),
            query_models.ObservationsQuery,
            503,
        ),
        "/api/v1/alerts": get("Alerts that are pending or firing", _json(AlertsPage), query_models.AlertsQuery),
        "/api/v1/silences": silences,
        "/api/v1/silences/{id}/end": {"post": end_silence},
        "/api/v1/warnings": get("Official warnings in force", _json(WarningsPage), query_models.WarningsQuery),
        "/api/v1/stream": get(
            "New observations as server-sent events",
            {"text/event-stream": {"schema": {"type": "string"}}},
            query_models.StreamQuery,
            404,
        ),
    }


def _parameters(query: type[Model]) -> list[dict[str, Any]]:
    document = query.model_json_schema(mode="validation")
    return [
        {
            "name": name,
            "in": "query",
            "required": name in document.get("required", []),
            "description": schema.get("description", ""),
            "schema": _without_null({key: value for key, value in schema.items() if key != "description"}),
        }
        for name, schema in document.get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without its null branch: a query parameter can be omitted, but not null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    return kinds[0] if kinds else schema


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}


def _responses(content: dict[str, Any], *problems: int, success: HTTPStatus = HTTPStatus.OK) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(model="ProblemModel")}}}
    errors = {str(status): {"description": "Error (problem details)", "content": problem} for status in problems}
    if HTTPStatus.BAD_REQUEST in problems:  # aiohttp itself refuses what it cannot parse, as a line over 8,190 bytes
        errors["400"] = {
            "description": "Error (problem details), or a request that is not valid HTTP or too long (plain text)",
            "content": {**problem, "text/plain": {"schema": {"type": "string"}}},
        }
    not_modified = {} if success != HTTPStatus.OK else {"304": {"description": "Not modified"}}
    return {str(int(success)): {"description": success.phrase, "content": content}, **not_modified, **errors}
