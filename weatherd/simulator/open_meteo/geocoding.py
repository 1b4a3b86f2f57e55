"""Open-Meteo's geocoding: from names to places, as its documentation has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.simulator.places.countries import COUNTRIES
from weatherd.simulator.places.gazetteer import by_id, by_name
from weatherd.simulator.query import Answer, Query, RefusedError, last, whole

if TYPE_CHECKING:
    from weatherd.simulator.places.places import Place


def search(query: Query) -> Answer:
    """Answer ``/v1/search``. Where nothing matches there is no ``results`` key, as in the real service."""
    try:
        _refuse_formats(query)
        places = by_name(_required(query, "name"))
        country = last(query, "countryCode").upper()
        results = [_result(place) for place in places if country in {"", place.country_code}]
        found = {"results": results[: _count(query)]} if results else {}
    except RefusedError as refusal:
        return refused(refusal)
    return 200, {**found, "generationtime_ms": 0.25}


def get(query: Query) -> Answer:
    """Answer ``/v1/get``: one place by its id."""
    try:
        _refuse_formats(query)
        return 200, _result(_numbered(_required(query, "id")))
    except RefusedError as refusal:
        return refused(refusal)


def refused(refusal: RefusedError) -> Answer:
    """Turn a request down in the form of all of Open-Meteo's services."""
    return 400, {"error": True, "reason": str(refusal)}


def _required(query: Query, name: str) -> str:
    if not query.get(name):
        raise RefusedError(f"Parameter '{name}' is required")
    return last(query, name)


def _numbered(number: str) -> Place:
    if (place := by_id(whole(number))) is None:
        raise RefusedError("Location ID not found.")
    return place


def _count(query: Query) -> int:
    count = whole(last(query, "count") or "10")
    if count is None or not 1 <= count <= 100:
        raise RefusedError("Parameter count must be between 1 and 100.")
    return count


def _refuse_formats(query: Query) -> None:
    if (form := last(query, "format") or "json") != "json":
        raise RefusedError(f"Format '{form}' is not simulated, only json")


def _result(place: Place) -> dict[str, Any]:
    return {
        "id": place.id,
        "name": place.name,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "elevation": place.elevation,
        "feature_code": place.feature_code,
        "country_code": place.country_code,
        "timezone": place.timezone,
        "population": place.population,
        "country": COUNTRIES[place.country_code],
        **({"admin1": place.admin1} if place.admin1 else {}),
    }
