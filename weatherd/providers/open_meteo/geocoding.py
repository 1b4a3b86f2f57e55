"""Search for places by name, with Open-Meteo's geocoding. https://open-meteo.com/en/docs/geocoding-api."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from weatherd.city import ALTITUDES
from weatherd.errors import Failure, ProviderError
from weatherd.http.client import get
from weatherd.http.response import Response, failure_of, parse_json
from weatherd.providers.values import clean_text, parse_integer, parse_number

if TYPE_CHECKING:
    from weatherd.http.session import Session

GEOCODING_URL = "https://geocoding-api.open-meteo.com"


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place that was found; an unknown text is empty, an unknown number None."""

    name: str
    lat: float  # degrees, WGS 84
    lon: float
    country: str
    region: str
    population: int | None
    timezone: str  # IANA name
    altitude: float | None  # meters above sea level


async def search_places(session: Session, base_url: str, name: str) -> list[FoundPlace]:
    """Return up to ten places called *name*, the likeliest first. Raises ProviderError."""
    parameters = {"name": name, "count": "10", "language": "en", "format": "json"}
    return parse_places(await get(session, f"{base_url}/v1/search", parameters))


def parse_places(response: Response) -> list[FoundPlace]:
    """Return the places in *response* with a name and coordinates. Raises ProviderError if there is no list."""
    if response.status != HTTPStatus.OK:
        text = f"the geocoding service responded with status {response.status}"
        raise ProviderError(text, failure_of(response.status))
    document = parse_json(response.body)
    results = document.get("results", []) if isinstance(document, dict) else None
    if not isinstance(results, list):
        raise ProviderError("the response has no list of places", Failure.MALFORMED)
    return [place for result in results if isinstance(result, dict) and (place := _parse_place(result))]


def _parse_place(result: dict[str, Any]) -> FoundPlace | None:
    name = clean_text(result.get("name"))
    lat, lon = parse_number(result.get("latitude"), (-90, 90)), parse_number(result.get("longitude"), (-180, 180))
    if not name or lat is None or lon is None:
        return None
    country, region, timezone = (clean_text(result.get(key)) for key in ("country", "admin1", "timezone"))
    population, altitude = parse_integer(result.get("population")), parse_number(result.get("elevation"), ALTITUDES)
    return FoundPlace(name, lat, lon, country, region, population, timezone, altitude)
