"""Open-Meteo: weather models for the whole world, without a key. https://open-meteo.com/en/docs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from weatherd.errors import Failure, ProviderError
from weatherd.providers.batching import Coalescer, CoalescingProvider
from weatherd.providers.bisection import IsolatingSender, bisect
from weatherd.providers.kit.client import ServiceClient
from weatherd.providers.kit.errors import ErrorRow, ErrorTable
from weatherd.providers.open_meteo.past import (
    build_open_meteo_past_query,
    build_open_meteo_places,
    parse_open_meteo_past,
)
from weatherd.providers.open_meteo.precipitation import PAST_HOUR_QUERY
from weatherd.providers.open_meteo.record import parse_open_meteo_location
from weatherd.providers.open_meteo.usual_response import parse_usual_locations
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.http.response import Response
    from weatherd.observation import Observation
    from weatherd.providers import Resources

_T = TypeVar("_T")

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
# The service responds with 400 to an invalid key and with 404 on a wrong host, and never sends ``Retry-After``: the
# text of a 429 names the window whose limit is exceeded.
_ERRORS = ErrorTable(
    ("reason",),
    (
        ErrorRow(words="API key", failure=Failure.DENIED),
        ErrorRow(404, failure=Failure.DENIED),
        ErrorRow(429, "concurrent", failure=Failure.CONCURRENCY_LIMITED),
        ErrorRow(429, "Minutely", window="minute"),
        ErrorRow(429, "Hourly", window="hour"),
        ErrorRow(429, "Daily", window="day"),
    ),
)


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
        raise _ERRORS.explain(response, response.status, fetched_at)
    usual = parse_usual_locations(cities, response.body, fetched_at)
    return _parse_tolerantly(cities, response, fetched_at) if usual is None else [*usual]


def _parse_tolerantly(
    cities: Sequence[City], response: Response, fetched_at: datetime
) -> list[Observation | ProviderError]:
    """Parse any response; a value that is missing, impossible or of another type is None."""
    locations = zip(cities, _split_locations(cities, response, fetched_at), strict=True)
    return [
        _parse_outcome(parse_open_meteo_location, city, as_mapping(location), fetched_at)
        for city, location in locations
    ]


def _split_locations(cities: Sequence[City], response: Response, fetched_at: datetime) -> list[Any]:
    """Return the part of a response for each of *cities*."""
    document = _ERRORS.parse_json(response, fetched_at)
    if isinstance(document, dict) and document.get("error"):
        raise _ERRORS.explain(response, HTTPStatus.BAD_REQUEST, fetched_at)
    locations = document if isinstance(document, list) else [document]
    if len(locations) != len(cities):
        raise ProviderError(
            f"{len(cities)} cities were requested, the response has {len(locations)}", Failure.MALFORMED
        )
    return locations


def _parse_outcome(
    parse: Callable[[City, Any, datetime], _T], city: City, location: Any, fetched_at: datetime
) -> _T | ProviderError:
    try:
        return parse(city, location, fetched_at)
    except ProviderError as error:
        return error


class OpenMeteoProvider(CoalescingProvider):
    """A client that requests cities together if they are polled at about the same time."""

    def __init__(self, base_url: str | None, api_key: str, concurrency: int, resources: Resources) -> None:
        url = f"{base_url or (_CUSTOMER_URL if api_key else _FREE_URL)}/v1/forecast"
        key = {"apikey": api_key} if api_key else {}
        self._client = ServiceClient(resources, f"{url}?{urlencode(COMMON_QUERY | key, safe=',')}", key=api_key)
        past_url = f"{url}?{urlencode(key)}" if key else url
        self._open_past = functools.partial(ServiceClient, resources, past_url, key=api_key)
        limit = functools.partial(resources.limiter.batch_limit, _CITIES_PER_REQUEST)
        send = IsolatingSender(self._send).send
        super().__init__(Coalescer(send, limit=limit, delay=_COLLECT_SECONDS, concurrency=concurrency))

    def _send(self, cities: Sequence[City]) -> Awaitable[list[Observation | ProviderError]]:
        parse = functools.partial(parse_open_meteo, cities)
        return self._client.request(parse, build_open_meteo_query(cities), calls=len(cities))

    @functools.cached_property
    def _past_client(self) -> ServiceClient:
        return self._open_past()

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

        async def send(part: Sequence[City]) -> Sequence[Sequence[Observation] | ProviderError]:
            def parse(response: Response, now: datetime) -> tuple[list[Any], datetime]:
                return _split_locations(part, response, now), now

            query = build_open_meteo_places(part) | times
            locations, now = await self._past_client.request(parse, query, calls=len(part))
            outcomes: list[Sequence[Observation] | ProviderError] = []
            for city, location in zip(part, locations, strict=True):
                await asyncio.sleep(0)  # because a week of a city takes milliseconds to parse
                outcomes.append(_parse_outcome(parse_open_meteo_past, city, location, now))
            return outcomes

        return (await bisect(send, cities)).outcomes


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[OpenMeteoProvider]:
    """Open the provider with the section ``open_meteo`` of the settings."""
    section = settings.open_meteo
    api_key = section.api_key.get_secret_value() if section.api_key else ""
    return contextlib.aclosing(OpenMeteoProvider(section.base_url, api_key, section.concurrency, resources))
