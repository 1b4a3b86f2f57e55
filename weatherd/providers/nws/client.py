"""The US National Weather Service: stations of the United States. https://weather-gov.github.io/api/."""

from __future__ import annotations

import contextlib
import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from weatherd import __version__
from weatherd.errors import Failure, ProviderError
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.http.polling import PollingClient
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.nws.conditions import parse_description, parse_weather_code
from weatherd.providers.nws.stations import StationFinder
from weatherd.providers.nws.units import parse_quantity
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    as_mapping,
    clean_text,
    parse_iso_time,
    parse_temperature,
    without_calm,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_T = TypeVar("_T")

_NAME = "nws"
NWS_URL = "https://api.weather.gov"

_MAX_STATIONS = 3  # maximum number of stations in one poll
_STATION_FAILURES = (Failure.REJECTED, Failure.MALFORMED, Failure.EMPTY)  # the next station may work


def parse_nws(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the observation of a station in *response*.

    Any value may be null, a text, or in another unit than in the last response. ``pressure_msl`` is never the pressure
    at the station's altitude; ``apparent_temperature`` is the wind chill or the heat index.

    Raises ProviderError, with the service's own reason if there is one, for anything but an observation.
    """
    properties = as_mapping(parse_nws_document(response, fetched_at).get("properties"))
    if not properties:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    apparent = [parse_quantity(properties.get(name), *APPARENT_TEMPERATURE) for name in ("windChill", "heatIndex")]
    visibility = parse_quantity(properties.get("visibility"), *VISIBILITY)
    wind_speed = parse_quantity(properties.get("windSpeed"), *WIND_SPEED)
    wind_direction = parse_quantity(properties.get("windDirection"), *WIND_DIRECTION)
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_iso_time(properties.get("timestamp")),
        fetched_at=fetched_at,
        temperature=parse_temperature(parse_quantity(properties.get("temperature"), -1000, 1000)),
        description=parse_description(properties),
        code=parse_weather_code(properties, visibility),
        station=_parse_station(properties),
        apparent_temperature=next((value for value in apparent if value is not None), None),
        relative_humidity=parse_quantity(properties.get("relativeHumidity"), *RELATIVE_HUMIDITY),
        pressure_msl=parse_quantity(properties.get("seaLevelPressure"), *PRESSURE_MSL),
        wind_speed=wind_speed,
        wind_direction=without_calm(wind_direction, wind_speed),
        wind_gust=parse_quantity(properties.get("windGust"), *WIND_SPEED),
        precipitation=parse_quantity(properties.get("precipitationLastHour"), *PRECIPITATION, length="mm"),
        visibility=visibility,
    )


def _parse_station(properties: dict[str, Any]) -> str:
    """Return the station's id, which older responses have only as the last part of its address."""
    station = clean_text(properties.get("stationId")) or clean_text(properties.get("stationIdentifier"))
    return station or clean_text(properties.get("station")).rstrip("/").rpartition("/")[2]


def parse_nws_document(response: Response, now: datetime) -> dict[str, Any]:
    """Return the JSON object in *response*, or raise the error that the service reports."""
    if response.status == HTTPStatus.OK:
        return as_mapping(parse_json(response.body))
    error = error_from_response(response, response.status, now, "detail", "title")
    if response.status == HTTPStatus.NOT_FOUND and b"InvalidPoint" in response.body:
        raise ProviderError("the place is outside the area of the National Weather Service", Failure.REJECTED)
    if response.status == HTTPStatus.FORBIDDEN:
        raise error.with_text(f"{error} (set nws.contact: the service requires clients to identify themselves)")
    raise error


class NwsProvider:
    """A client that requests the nearest station with a fresh observation."""

    def __init__(self, base_url: str | None, contact: str | None, resources: Resources) -> None:
        headers = {"Accept": "application/geo+json"}
        if contact:
            headers["User-Agent"] = f"weatherd/{__version__} ({contact})"
        self._client = PollingClient(resources.session, base_url or NWS_URL, headers)
        self._resources = resources
        self._stations = StationFinder(
            lambda path: self._send(path, parse_nws_document), resources.key_values, resources.now
        )

    async def fetch(self, city: City) -> Observation:
        """Return the first fresh observation of up to three stations, the nearest first; else the newest stale one."""
        stations = (await self._stations.find(city))[:_MAX_STATIONS]
        stale: list[Observation] = []
        errors: list[ProviderError] = []
        for station in stations:
            try:
                path = f"/stations/{station}/observations/latest"
                observation = await self._send(path, functools.partial(parse_nws, city))
            except ProviderError as error:
                if error.failure not in _STATION_FAILURES:
                    raise
                errors.append(error)
                continue
            if not BUILT_IN_BUDGETS.is_overdue(observation, self._resources.now().timestamp()):
                self._stations.prefer(city, station)
                return observation
            stale.append(observation)
        self._stations.forget(city)
        if stale:
            return max(stale, key=lambda observation: observation.observed_at)
        raise errors[0] if errors else ProviderError("there is no station near the place", Failure.REJECTED)

    def _send(self, path: str, parse: Callable[[Response, datetime], _T]) -> Awaitable[_T]:
        async def request() -> _T:
            return parse(await self._client.get(path=path), self._resources.now())

        return self._resources.limiter.run(request)


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[NwsProvider]:
    """Open the provider with the section ``nws`` of the settings."""
    section = settings.nws
    return contextlib.nullcontext(NwsProvider(section.base_url, section.contact, resources))
