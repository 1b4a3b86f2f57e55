"""Open-Meteo's geocoding API, after https://open-meteo.com/en/docs/geocoding-api."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.simulator.places.gazetteer import find_by_id, find_by_name
from weatherd.simulator.places.places import COUNTRIES
from weatherd.simulator.query import Query, RejectedRequestError, StatusAndBody, last_value, parse_whole_number

if TYPE_CHECKING:
    from weatherd.simulator.places.places import GazetteerEntry


def handle_search(query: Query) -> StatusAndBody:
    """Handle ``/v1/search``. Without a match there is no ``results`` key, as in the real service."""
    try:
        _check_format(query)
        places = find_by_name(_required(query, "name"))
        country = last_value(query, "countryCode").upper()
        results = [_result(place) for place in places if country in {"", place.country_code}]
        found = {"results": results[: _parse_count(query)]} if results else {}
    except RejectedRequestError as error:
        return error_response(error)
    return 200, {**found, "generationtime_ms": 0.25}


def handle_get(query: Query) -> StatusAndBody:
    """Handle ``/v1/get`` with the place of an id."""
    try:
        _check_format(query)
        place = find_by_id(parse_whole_number(_required(query, "id")))
    except RejectedRequestError as error:
        return error_response(error)
    if place is None:
        return error_response(RejectedRequestError("Location ID not found."))
    return 200, _result(place)


def error_response(error: RejectedRequestError) -> StatusAndBody:
    """Return the error in the form that all of Open-Meteo's APIs use."""
    return 400, {"error": True, "reason": str(error)}


def _required(query: Query, name: str) -> str:
    if not query.get(name):
        raise RejectedRequestError(f"Parameter '{name}' is required")
    return last_value(query, name)


def _parse_count(query: Query) -> int:
    count = parse_whole_number(last_value(query, "count") or "10")
    if count is None or not 1 <= count <= 100:
        raise RejectedRequestError("Parameter count must be between 1 and 100.")
    return count


def _check_format(query: Query) -> None:
    if (name := last_value(query, "format") or "json") != "json":
        raise RejectedRequestError(f"Format '{name}' is not simulated, only json")


def _result(place: GazetteerEntry) -> dict[str, Any]:
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
