"""OpenWeatherMap: current weather for the whole world, with a key. https://openweathermap.org/current."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from weatherd.errors import ConfigError, Failure, Problem, ProviderError
from weatherd.http.response import Response, parse_json
from weatherd.providers.batching import Coalescer, CoalescingProvider
from weatherd.providers.kit.client import ServiceClient
from weatherd.providers.kit.errors import ErrorRow, ErrorTable
from weatherd.providers.openweathermap.record import parse_openweathermap_record, parse_usual_weather
from weatherd.providers.values import as_mapping, parse_integer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.providers import Resources

_BASE_URL = "https://api.openweathermap.org"
_OK = 200  # a plain number, because Python 3.11 looks a member of an enumeration up in 0.2 us
_ERRORS = ErrorTable(
    ("message",),
    (ErrorRow(401, hint="check openweathermap.api_key; a new key takes up to two hours to work"),),
)


def build_openweathermap_query(city: City) -> str:
    """Return the part of the query that differs between cities."""
    return f"lat={city.lat:.5f}&lon={city.lon:.5f}"


def parse_openweathermap(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the current weather in *response*.

    The first of several conditions is the primary one. ``precipitation`` is rain and snow of the last hour; the service
    leaves both out when it is dry, which is 0. The older sums over three hours are not used.

    Raises ProviderError, with the service's own reason if there is one, for anything but current weather.
    """
    if response.status != _OK:
        raise _ERRORS.explain(response, response.status, fetched_at)
    return parse_usual_weather(city, response.body, fetched_at) or _parse_tolerantly(city, response, fetched_at)


def _parse_tolerantly(city: City, response: Response, fetched_at: datetime) -> Observation:
    document = as_mapping(parse_json(response.body))
    if (status := _find_status(document)) != _OK:
        raise _ERRORS.explain(response, status, fetched_at)
    return parse_openweathermap_record(city, document, fetched_at)


def _find_status(document: dict[str, Any]) -> int:
    """Return the status that the body repeats under ``cod``, as a number or as text; 200 if it does not."""
    cod = document.get("cod")
    if cod in (200, None):
        return 200
    status = int(cod) if isinstance(cod, str) and re.fullmatch("[0-9]{3}", cod) else parse_integer(cod)
    if status is None or not 100 <= status < 600:  # noqa: PLR2004 - the range of HTTP
        raise ProviderError("the response has a 'cod' that is not an HTTP status", Failure.MALFORMED)
    return status


class OpenWeatherMapProvider(CoalescingProvider):
    """A client that requests each city separately."""

    def __init__(
        self, base_url: str | None, api_key: str, language: str, concurrency: int, resources: Resources
    ) -> None:
        common_query = urlencode({"units": "metric", "lang": language, "appid": api_key})
        url = f"{base_url or _BASE_URL}/data/2.5/weather?{common_query}"
        self._client = ServiceClient(resources, url, key=api_key)
        super().__init__(Coalescer(self._send, limit=lambda: 1, delay=0.0, concurrency=concurrency))

    def _send(self, cities: Sequence[City]) -> Awaitable[list[Observation]]:
        city = cities[0]

        def parse(response: Response, now: datetime) -> list[Observation]:
            return [parse_openweathermap(city, response, now)]

        return self._client.request(parse, build_openweathermap_query(city))


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[OpenWeatherMapProvider]:
    """Open the provider with the section ``openweathermap`` of the settings. Raises ConfigError without a key."""
    section = settings.openweathermap
    if section.api_key is None:
        message = "openweathermap needs a key: set OPEN_WEATHER_API_KEY, or use a secret file"
        raise ConfigError(Problem("openweathermap.api_key", message))
    api_key = section.api_key.get_secret_value()
    provider = OpenWeatherMapProvider(section.base_url, api_key, section.language, section.concurrency, resources)
    return contextlib.aclosing(provider)
