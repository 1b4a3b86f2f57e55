"""Bright Sky: stations of the Deutscher Wetterdienst, in Germany and near its borders. https://brightsky.dev/docs/."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.http.polling import PollingClient
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.bright_sky.conditions import parse_condition
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.values import (
    CLOUD_COVER,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    as_mapping,
    clean_text,
    parse_integer,
    parse_iso_time,
    parse_number,
    parse_temperature,
    without_calm,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_NAME = "bright-sky"
BRIGHT_SKY_URL = "https://api.brightsky.dev"

_KILOMETERS_PER_HOUR = 1 / 3.6  # in m/s


def build_bright_sky_query(city: City) -> dict[str, str]:
    """Return the parameters that request the current weather of *city*, in the DWD's units."""
    return {"lat": f"{city.lat:.5f}", "lon": f"{city.lon:.5f}", "units": "dwd"}


def parse_bright_sky(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the current weather in *response*.

    Any value may be null. Wind values are means of the shortest period for which there is one. ``precipitation`` is the
    sum of the last hour.

    Raises ProviderError, with the service's own reason if there is one, for anything but current weather.
    """
    if response.status != HTTPStatus.OK:
        raise error_from_response(response, response.status, fetched_at, "detail")
    weather = as_mapping(as_mapping(parse_json(response.body)).get("weather"))
    if not weather:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    precipitation = parse_number(weather.get("precipitation_60"), PRECIPITATION)
    clouds = parse_number(weather.get("cloud_cover"), CLOUD_COVER)
    condition, icon = clean_text(weather.get("condition")), clean_text(weather.get("icon"))
    code, description = parse_condition(condition, icon, clouds, precipitation)
    wind_speed = parse_number(_shortest_mean(weather, "wind_speed"), WIND_SPEED, _KILOMETERS_PER_HOUR)
    wind_direction = parse_number(_shortest_mean(weather, "wind_direction"), WIND_DIRECTION)
    source = parse_integer(weather.get("source_id"))
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_iso_time(weather.get("timestamp")),
        fetched_at=fetched_at,
        temperature=parse_temperature(weather.get("temperature")),
        description=description,
        code=code,
        station="" if source is None else str(source),
        relative_humidity=parse_number(weather.get("relative_humidity"), RELATIVE_HUMIDITY),
        pressure_msl=parse_number(weather.get("pressure_msl"), PRESSURE_MSL),
        wind_speed=wind_speed,
        wind_direction=without_calm(wind_direction, wind_speed),
        wind_gust=parse_number(_shortest_mean(weather, "wind_gust_speed"), WIND_SPEED, _KILOMETERS_PER_HOUR),
        precipitation=precipitation,
        cloud_cover=clouds,
        visibility=parse_number(weather.get("visibility"), VISIBILITY),
    )


def _shortest_mean(weather: dict[str, Any], name: str) -> Any:
    """Return the value for the last 10 minutes, else for the last 30, else for the last 60."""
    values = (weather.get(f"{name}_{minutes}") for minutes in (10, 30, 60))
    return next((value for value in values if value is not None), None)


class BrightSkyProvider:
    """A client that requests each city separately."""

    def __init__(self, base_url: str | None, resources: Resources) -> None:
        self._client = PollingClient(resources.session, f"{base_url or BRIGHT_SKY_URL}/current_weather")
        self._resources = resources

    def fetch(self, city: City) -> Coroutine[Any, Any, Observation]:
        """Return the latest report of the stations near *city*."""
        return self._resources.limiter.run(lambda: self._request(city))

    async def _request(self, city: City) -> Observation:
        response = await self._client.get(build_bright_sky_query(city))
        return parse_bright_sky(city, response, self._resources.now())


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[BrightSkyProvider]:
    """Open the provider with the section ``bright_sky`` of the settings."""
    return contextlib.nullcontext(BrightSkyProvider(settings.bright_sky.base_url, resources))
