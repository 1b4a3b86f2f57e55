"""OpenWeatherMap: current weather for the whole world, with a key. https://openweathermap.org/current."""

from __future__ import annotations

import contextlib
import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from weatherd.errors import ConfigError, Failure, Problem, ProviderError
from weatherd.http.polling import PollingClient
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.batching import Coalescer, CoalescingProvider
from weatherd.providers.openweathermap.codes import describe_condition
from weatherd.providers.openweathermap.usual_response import parse_usual_weather
from weatherd.providers.service_errors import error_from_response, redact_error, redact_response
from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    CLOUD_COVER,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    as_mapping,
    parse_integer,
    parse_number,
    parse_posix_time,
    parse_temperature,
    sum_amounts,
)
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_NAME = "openweathermap"
_BASE_URL = "https://api.openweathermap.org"

_KELVIN_RANGE = (150.0, math.inf)  # no place on Earth is hotter in °C, or colder in K
_KELVIN, _CELSIUS = (1.0, -273.15), (1.0, 0.0)  # factor and offset
_OK = HTTPStatus.OK.value  # a plain number, because Python 3.11 looks a member of an enumeration up in 0.2 us


def build_openweathermap_query(city: City) -> str:
    """Return the part of the query that differs between cities."""
    return f"lat={city.lat:.5f}&lon={city.lon:.5f}"


def parse_openweathermap(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the current weather in *response*.

    A temperature in kelvin, the service's default, is recognized by its size. The first of several conditions is the
    primary one. ``precipitation`` is rain and snow of the last hour; the service leaves both out when it is dry, which
    is 0. The older sums over three hours are not used.

    Raises ProviderError, with the service's own reason if there is one, for anything but current weather.
    """
    if response.status != _OK:
        raise _service_error(response, response.status, fetched_at)
    usual = parse_usual_weather(city, response.body, _NAME, fetched_at)
    return usual or _parse_tolerantly(city, response, fetched_at)


def _parse_tolerantly(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the current weather in any response; a value that is missing, impossible or of another type is None."""
    document = as_mapping(parse_json(response.body))
    if (status := _status_in_body(document)) != _OK:
        raise _service_error(response, status, fetched_at)
    main = as_mapping(document.get("main"))
    if not main:
        raise ProviderError("the response is not the current weather of one place", Failure.MALFORMED)
    wind = as_mapping(document.get("wind"))
    to_celsius = _KELVIN if parse_number(main.get("temp"), _KELVIN_RANGE) else _CELSIUS
    pressure = parse_number(main.get("sea_level"), PRESSURE_MSL) or parse_number(main.get("pressure"), PRESSURE_MSL)
    code, description = _parse_condition(document.get("weather"))
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_posix_time(document.get("dt")),
        fetched_at=fetched_at,
        temperature=parse_temperature(main.get("temp"), *to_celsius),
        description=description,
        code=code,
        apparent_temperature=parse_number(main.get("feels_like"), APPARENT_TEMPERATURE, *to_celsius),
        relative_humidity=parse_number(main.get("humidity"), RELATIVE_HUMIDITY),
        pressure_msl=pressure,
        wind_speed=parse_number(wind.get("speed"), WIND_SPEED),
        wind_direction=parse_number(wind.get("deg"), WIND_DIRECTION),
        wind_gust=parse_number(wind.get("gust"), WIND_SPEED),
        precipitation=_sum_last_hour(document.get("rain"), document.get("snow")),
        cloud_cover=parse_number(as_mapping(document.get("clouds")).get("all"), CLOUD_COVER),
        visibility=parse_number(document.get("visibility"), VISIBILITY),
    )


def _service_error(response: Response, status: int, now: datetime) -> ProviderError:
    error = error_from_response(response, status, now, "message")
    if status == HTTPStatus.UNAUTHORIZED:
        return error.with_text(f"{error} (check openweathermap.api_key; a new key takes up to two hours to work)")
    return error


def _status_in_body(document: dict[str, Any]) -> int:
    """Return the status that the body repeats under ``cod``, as a number or as text; 200 if it does not."""
    cod = document.get("cod")
    if cod in (200, None):
        return 200
    status = int(cod) if isinstance(cod, str) and re.fullmatch("[0-9]{3}", cod) else parse_integer(cod)
    if status is None or not 100 <= status < 600:  # noqa: PLR2004 - the range of HTTP
        raise ProviderError("the response has a 'cod' that is not an HTTP status", Failure.MALFORMED)
    return status


def _parse_condition(weather: Any) -> tuple[int | None, str]:
    """Return the WMO code, or None if there is none for the condition, and the description."""
    first = as_mapping(weather[0]) if isinstance(weather, list) and weather else {}
    return describe_condition(parse_integer(first.get("id")) or 0, first.get("description"), first.get("main"))


def _sum_last_hour(rain: Any, snow: Any) -> float | None:
    """Return the sum in mm, or None if one of them is not known for one hour; None means that none of it falls."""
    amounts = (
        0.0 if fall is None else parse_number(as_mapping(fall).get("1h"), PRECIPITATION) for fall in (rain, snow)
    )
    return sum_amounts(*amounts)


class OpenWeatherMapProvider(CoalescingProvider):
    """A client that requests each city separately."""

    def __init__(
        self, base_url: str | None, api_key: str, language: str, concurrency: int, resources: Resources
    ) -> None:
        common_query = urlencode({"units": "metric", "lang": language, "appid": api_key})
        url = f"{base_url or _BASE_URL}/data/2.5/weather?{common_query}"
        self._client = PollingClient(resources.session, url)
        self._redact = Redaction([api_key])
        self._resources = resources
        super().__init__(Coalescer(self._send, limit=lambda: 1, delay=0.0, concurrency=concurrency))

    def _send(self, cities: Sequence[City]) -> Awaitable[list[Observation]]:
        return self._resources.limiter.run(lambda: self._request(cities[0]))

    async def _request(self, city: City) -> list[Observation]:
        try:
            response = await self._client.get(build_openweathermap_query(city))
            return [parse_openweathermap(city, redact_response(response, self._redact), self._resources.now())]
        except ProviderError as error:
            raise redact_error(error, self._redact) from None


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[OpenWeatherMapProvider]:
    """Open the provider with the section ``openweathermap`` of the settings. Raises ConfigError without a key."""
    section = settings.openweathermap
    if section.api_key is None:
        message = "openweathermap needs a key: set OPEN_WEATHER_API_KEY, or use a secret file"
        raise ConfigError(Problem("openweathermap.api_key", message))
    api_key = section.api_key.get_secret_value()
    provider = OpenWeatherMapProvider(section.base_url, api_key, section.language, section.concurrency, resources)
    return contextlib.aclosing(provider)
