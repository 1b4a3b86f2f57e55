"""Open-Meteo: weather models for the whole world, without a key. https://open-meteo.com/en/docs."""

from __future__ import annotations

import contextlib
import functools
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from weatherd import wmo
from weatherd.errors import Failure, ProviderError
from weatherd.http.polling import PollingClient
from weatherd.http.response import Response, parse_json, server_time
from weatherd.observation import Observation
from weatherd.providers.batching import Coalescer, CoalescingProvider
from weatherd.providers.bisection import IsolatingSender
from weatherd.providers.open_meteo.precipitation import PAST_HOUR_QUERY, sum_past_hour
from weatherd.providers.open_meteo.usual_response import parse_usual_locations
from weatherd.providers.service_errors import error_from_response, redact_error, redact_response
from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    CLOUD_COVER,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    WIND_DIRECTION,
    WIND_SPEED,
    NumberField,
    as_mapping,
    parse_integer,
    parse_number,
    parse_numbers,
    parse_posix_time,
    parse_temperature,
)
from weatherd.quota.windows import CLOCK_TOLERANCE, window_end
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_NAME = "open-meteo"
_FREE_URL = "https://api.open-meteo.com"
_CUSTOMER_URL = "https://customer-api.open-meteo.com"
_CITIES_PER_REQUEST = 100  # 3 kB of address, far below the length at which proxies cut it
_COLLECT_SECONDS = 0.05  # for which a city waits, so that others can share its request

# With up to ten variables a city counts as one call, see https://open-meteo.com/en/pricing. The tenth is in
# PAST_HOUR_QUERY, because the precipitation in ``current`` is of 15 minutes.
_VARIABLES = (
    "temperature_2m",
    "relative_humidity_2m",
    "apparent_temperature",
    "weather_code",
    "cloud_cover",
    "pressure_msl",
    "wind_speed_10m",
    "wind_direction_10m",
    "wind_gusts_10m",
)
COMMON_QUERY = {  # it requests the current weather
    "current": ",".join(_VARIABLES),
    "wind_speed_unit": "ms",
    "timeformat": "unixtime",
    "forecast_days": "1",
    **PAST_HOUR_QUERY,
}
_WINDOWS = {"Minutely": "minute", "Hourly": "hour", "Daily": "day"}  # by the word in the text of a 429

# From the units in a response, by factor and offset: a server may ignore the units that were requested
_TO_CELSIUS = {"°F": (5 / 9, -160 / 9)}
_TO_METERS_PER_SECOND = {"m/s": 1.0, "km/h": 1 / 3.6, "mp/h": 0.44704, "mph": 0.44704, "kn": 1852 / 3600}
_TO_MILLIMETERS = {"mm": 1.0, "inch": 25.4}


def build_open_meteo_query(cities: Sequence[City]) -> str:
    """Return the part of the query that differs between requests: the places of *cities*."""
    decimals = ",".join(["%.5f"] * len(cities))  # because to format all at once takes half the time
    latitudes, longitudes = [city.lat for city in cities], [city.lon for city in cities]
    return f"latitude={decimals % tuple(latitudes)}&longitude={decimals % tuple(longitudes)}"


def parse_open_meteo(
    cities: Sequence[City], response: Response, fetched_at: datetime
) -> list[Observation | ProviderError]:
    """Return an observation or an error for each of *cities*, in their order.

    Raises ProviderError, with the service's own reason if there is one, when the response has no weather for any city.
    The service sends an object for one city, and a list in the order of the request for several.
    """
    if response.status != HTTPStatus.OK:
        raise _service_error(response, fetched_at)
    usual = parse_usual_locations(cities, response.body, _NAME, fetched_at)
    return _parse_tolerantly(cities, response, fetched_at) if usual is None else [*usual]


def _parse_tolerantly(
    cities: Sequence[City], response: Response, fetched_at: datetime
) -> list[Observation | ProviderError]:
    """Parse any response; a value that is missing, impossible or of another type is None."""
    document = parse_json(response.body)
    if isinstance(document, dict) and document.get("error"):
        raise _service_error(response, fetched_at)
    locations = document if isinstance(document, list) else [document]
    if len(locations) != len(cities):
        raise ProviderError(
            f"{len(cities)} cities were requested, the response has {len(locations)}", Failure.MALFORMED
        )
    return [_parse_outcome(city, location, fetched_at) for city, location in zip(cities, locations, strict=True)]


def _parse_outcome(city: City, location: Any, fetched_at: datetime) -> Observation | ProviderError:
    try:
        return _parse_location(city, as_mapping(location), fetched_at)
    except ProviderError as error:
        return error


def _parse_location(city: City, location: dict[str, Any], fetched_at: datetime) -> Observation:
    current, units = as_mapping(location.get("current")), as_mapping(location.get("current_units"))
    if not current:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    to_celsius = _TO_CELSIUS.get(str(units.get("temperature_2m")), (1.0, 0.0))
    to_speed = _TO_METERS_PER_SECOND.get(str(units.get("wind_speed_10m")), 1.0)
    fields = _number_fields(to_celsius, to_speed)
    apparent, humidity, pressure, speed, direction, gust, clouds = parse_numbers(current, fields)
    code = parse_integer(current.get("weather_code"))
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=_parse_time(current.get("time"), location.get("utc_offset_seconds")),
        fetched_at=fetched_at,
        temperature=parse_temperature(current.get("temperature_2m"), *to_celsius),
        description=wmo.describe_code(code),
        code=code,
        apparent_temperature=apparent,
        relative_humidity=humidity,
        pressure_msl=pressure,
        wind_speed=speed,
        wind_direction=direction,
        wind_gust=gust,
        precipitation=_parse_past_hour(location, current.get("time")),
        cloud_cover=clouds,
    )


@functools.lru_cache(maxsize=16)
def _number_fields(to_celsius: tuple[float, float], to_speed: float) -> tuple[NumberField, ...]:
    return (
        NumberField("apparent_temperature", APPARENT_TEMPERATURE, *to_celsius),
        NumberField("relative_humidity_2m", RELATIVE_HUMIDITY),
        NumberField("pressure_msl", PRESSURE_MSL),
        NumberField("wind_speed_10m", WIND_SPEED, to_speed),
        NumberField("wind_direction_10m", WIND_DIRECTION),
        NumberField("wind_gusts_10m", WIND_SPEED, to_speed),
        NumberField("cloud_cover", CLOUD_COVER),
    )


def _parse_past_hour(location: dict[str, Any], end: Any) -> float | None:
    """Return the precipitation in mm of the hour before *end*, or None if it is not in the response."""
    quarters, units = as_mapping(location.get("minutely_15")), as_mapping(location.get("minutely_15_units"))
    times, amounts = quarters.get("time"), quarters.get("precipitation")
    if not isinstance(times, list) or not isinstance(amounts, list):
        return None
    factor = _TO_MILLIMETERS.get(str(units.get("precipitation")), 1.0)
    return sum_past_hour(times, [parse_number(amount, PRECIPITATION, factor) for amount in amounts], end)


def _parse_time(value: Any, utc_offset: Any) -> datetime:
    """Return a POSIX time in UTC, or the local time without offset that a server sends if it ignores ``timeformat``."""
    if isinstance(value, str):
        zone = timezone(timedelta(seconds=parse_number(utc_offset, (-86399, 86399)) or 0))
        text, value = value, None
        with contextlib.suppress(ValueError):
            local = datetime.fromisoformat(text)
            value = (local if local.tzinfo else local.replace(tzinfo=zone)).timestamp()
    return parse_posix_time(value)


def _service_error(response: Response, now: datetime) -> ProviderError:
    """Return the error that the service reports.

    It responds with 400 to an invalid key and with 404 on a wrong host, and never sends ``Retry-After``: the text of a
    429 names the window whose limit is exceeded.
    """
    status = 400 if response.status == HTTPStatus.OK else response.status
    error = error_from_response(response, status, now, "reason")
    text, failure, delay = str(error), error.failure, error.retry_after
    if "API key" in text or status == HTTPStatus.NOT_FOUND:
        failure = Failure.DENIED
    elif failure is Failure.RATE_LIMITED and "concurrent" in text:
        failure = Failure.CONCURRENCY_LIMITED
    elif failure is Failure.RATE_LIMITED and delay is None:
        window = next((window for word, window in _WINDOWS.items() if word in text), None)
        if window:
            there = server_time(response.headers, now).timestamp()
            delay = window_end(window, there) + CLOCK_TOLERANCE - there
    return ProviderError(text, failure, retry_after=delay)


class OpenMeteoProvider(CoalescingProvider):
    """A client that requests cities together if they are polled at about the same time."""

    def __init__(self, base_url: str | None, api_key: str, concurrency: int, resources: Resources) -> None:
        common_query = urlencode(COMMON_QUERY | ({"apikey": api_key} if api_key else {}), safe=",")
        url = f"{base_url or (_CUSTOMER_URL if api_key else _FREE_URL)}/v1/forecast?{common_query}"
        self._client = PollingClient(resources.session, url)
        self._has_key = bool(api_key)
        self._redact = Redaction([api_key])
        self._resources = resources
        super().__init__(
            Coalescer(
                IsolatingSender(self._send).send,
                limit=lambda: resources.limiter.batch_limit(_CITIES_PER_REQUEST),
                delay=_COLLECT_SECONDS,
                concurrency=concurrency,
            )
        )

    def _send(self, cities: Sequence[City]) -> Awaitable[list[Observation | ProviderError]]:
        return self._resources.limiter.run(lambda: self._request(cities), len(cities))

    async def _request(self, cities: Sequence[City]) -> list[Observation | ProviderError]:
        try:
            response = await self._client.get(build_open_meteo_query(cities))
            if self._has_key:
                response = redact_response(response, self._redact)
            return parse_open_meteo(cities, response, self._resources.now())
        except ProviderError as error:
            raise redact_error(error, self._redact) from None


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[OpenMeteoProvider]:
    """Open the provider with the section ``open_meteo`` of the settings."""
    section = settings.open_meteo
    api_key = section.api_key.get_secret_value() if section.api_key else ""
    return contextlib.aclosing(OpenMeteoProvider(section.base_url, api_key, section.concurrency, resources))
