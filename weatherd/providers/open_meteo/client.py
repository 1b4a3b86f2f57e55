"""Open-Meteo: weather models for the whole world, without a key. https://open-meteo.com/en/docs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from weatherd.errors import Failure, ProviderError
from weatherd.http.polling import PollingClient
from weatherd.http.response import Response, parse_json, server_time
from weatherd.providers.batching import Coalescer, CoalescingProvider
from weatherd.providers.bisection import IsolatingSender, bisect
from weatherd.providers.open_meteo.past import (
    build_open_meteo_past_query,
    build_open_meteo_places,
    parse_open_meteo_past,
)
from weatherd.providers.open_meteo.precipitation import PAST_HOUR_QUERY, sum_past_hour
from weatherd.providers.open_meteo.record import OPEN_METEO, find_precipitation_unit, parse_open_meteo_record
from weatherd.providers.open_meteo.usual_response import parse_usual_locations
from weatherd.providers.service_errors import error_from_response, redact_error, redact_response
from weatherd.providers.values import PRECIPITATION, as_mapping, parse_number
from weatherd.quota.windows import CLOCK_TOLERANCE, window_end
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.providers import Resources

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
    usual = parse_usual_locations(cities, response.body, OPEN_METEO, fetched_at)
    return _parse_tolerantly(cities, response, fetched_at) if usual is None else [*usual]


def _parse_tolerantly(
    cities: Sequence[City], response: Response, fetched_at: datetime
) -> list[Observation | ProviderError]:
    """Parse any response; a value that is missing, impossible or of another type is None."""
    locations = _split_locations(cities, response, fetched_at)
    return [_parse_outcome(city, location, fetched_at) for city, location in zip(cities, locations, strict=True)]


def _split_locations(cities: Sequence[City], response: Response, fetched_at: datetime) -> list[Any]:
    """Return the part of a response for each of *cities*."""
    document = _parse_document(response, fetched_at)
    locations = document if isinstance(document, list) else [document]
    if len(locations) != len(cities):
        raise ProviderError(
            f"{len(cities)} cities were requested, the response has {len(locations)}", Failure.MALFORMED
        )
    return locations


def _parse_document(response: Response, fetched_at: datetime) -> Any:
    """Return the body of a response, or raise the error that the service reports."""
    if response.status != HTTPStatus.OK:
        raise _service_error(response, fetched_at)
    document = parse_json(response.body)
    if isinstance(document, dict) and document.get("error"):
        raise _service_error(response, fetched_at)
    return document


def _parse_outcome(city: City, location: Any, fetched_at: datetime) -> Observation | ProviderError:
    try:
        return _parse_location(city, as_mapping(location), fetched_at)
    except ProviderError as error:
        return error


def _parse_location(city: City, location: dict[str, Any], fetched_at: datetime) -> Observation:
    current, units = as_mapping(location.get("current")), as_mapping(location.get("current_units"))
    if not current:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    precipitation = _parse_past_hour(location, current.get("time"))
    utc_offset = location.get("utc_offset_seconds")
    return parse_open_meteo_record(city, current, units, utc_offset, precipitation, fetched_at)


def _parse_past_hour(location: dict[str, Any], end: Any) -> float | None:
    """Return the precipitation in mm of the hour before *end*, or None if it is not in the response."""
    quarters, units = as_mapping(location.get("minutely_15")), as_mapping(location.get("minutely_15_units"))
    times, amounts = quarters.get("time"), quarters.get("precipitation")
    if not isinstance(times, list) or not isinstance(amounts, list):
        return None
    factor = find_precipitation_unit(units)
    return sum_past_hour(times, [parse_number(amount, PRECIPITATION, factor) for amount in amounts], end)


def _parse_past_outcome(city: City, location: Any, fetched_at: datetime) -> Sequence[Observation] | ProviderError:
    try:
        return parse_open_meteo_past(city, location, fetched_at)
    except ProviderError as error:
        return error


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
        self._url = f"{base_url or (_CUSTOMER_URL if api_key else _FREE_URL)}/v1/forecast"
        self._key = {"apikey": api_key} if api_key else {}
        url = f"{self._url}?{urlencode(COMMON_QUERY | self._key, safe=',')}"
        self._client = PollingClient(resources.session, url)
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

    @functools.cached_property
    def _past_client(self) -> PollingClient:
        return PollingClient(self._resources.session, self._url)

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return the observations of the steps in ``[since, until]``, at most a week."""
        (outcome,) = await self.fetch_past_batch([city], since, until)
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome

    async def fetch_past_batch(
        self, cities: Sequence[City], since: datetime, until: datetime
    ) -> Sequence[Sequence[Observation] | ProviderError]:
        """Return for each of *cities* the observations of the steps in ``[since, until]``, or an error."""
        times = build_open_meteo_past_query(_VARIABLES, since, until)
        if times is None:
            return [()] * len(cities)

        def send(part: Sequence[City]) -> Awaitable[Sequence[Sequence[Observation] | ProviderError]]:
            return self._resources.limiter.run(lambda: self._request_past(part, times), len(part))

        return (await bisect(send, cities)).outcomes

    async def _request_past(
        self, cities: Sequence[City], times: Mapping[str, str]
    ) -> Sequence[Sequence[Observation] | ProviderError]:
        outcomes: list[Sequence[Observation] | ProviderError] = []
        try:
            response = self._clean(
                await self._past_client.get({**build_open_meteo_places(cities), **times, **self._key})
            )
            now = self._resources.now()
            for city, location in zip(cities, _split_locations(cities, response, now), strict=True):
                await asyncio.sleep(0)  # because a week of a city takes milliseconds to parse
                outcomes.append(_parse_past_outcome(city, location, now))
        except ProviderError as error:
            raise redact_error(error, self._redact) from None
        return outcomes

    def _send(self, cities: Sequence[City]) -> Awaitable[list[Observation | ProviderError]]:
        return self._resources.limiter.run(lambda: self._request(cities), len(cities))

    async def _request(self, cities: Sequence[City]) -> list[Observation | ProviderError]:
        try:
            response = self._clean(await self._client.get(build_open_meteo_query(cities)))
            return parse_open_meteo(cities, response, self._resources.now())
        except ProviderError as error:
            raise redact_error(error, self._redact) from None

    def _clean(self, response: Response) -> Response:
        return redact_response(response, self._redact) if self._key else response


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[OpenMeteoProvider]:
    """Open the provider with the section ``open_meteo`` of the settings."""
    section = settings.open_meteo
    api_key = section.api_key.get_secret_value() if section.api_key else ""
    return contextlib.aclosing(OpenMeteoProvider(section.base_url, api_key, section.concurrency, resources))
