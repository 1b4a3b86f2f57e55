"""Bright Sky: stations of the Deutscher Wetterdienst, in Germany and near its borders. https://brightsky.dev/docs/."""

from __future__ import annotations

import contextlib
import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.http.polling import PollingClient
from weatherd.http.response import Response, parse_json
from weatherd.providers.bright_sky.past import build_bright_sky_past_query, parse_bright_sky_past
from weatherd.providers.bright_sky.record import parse_bright_sky_record
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.providers import Resources

BRIGHT_SKY_URL = "https://api.brightsky.dev"


def build_bright_sky_query(city: City) -> dict[str, str]:
    """Return the parameters that request the current weather of *city*, in the DWD's units."""
    return {"lat": f"{city.lat:.5f}", "lon": f"{city.lon:.5f}", "units": "dwd"}


def parse_bright_sky(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the current weather in *response*.

    Raises ProviderError, with the service's own reason if there is one, for anything but current weather.
    """
    weather = as_mapping(as_mapping(_parse_document(response, fetched_at)).get("weather"))
    if not weather:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    return parse_bright_sky_record(city, weather, fetched_at)


def _parse_document(response: Response, fetched_at: datetime) -> Any:
    """Return the body of a response, or raise the error that the service reports."""
    if response.status != HTTPStatus.OK:
        raise error_from_response(response, response.status, fetched_at, "detail")
    return parse_json(response.body)


class BrightSkyProvider:
    """A client that requests each city separately."""

    def __init__(self, base_url: str | None, resources: Resources) -> None:
        self._url = base_url or BRIGHT_SKY_URL
        self._client = PollingClient(resources.session, f"{self._url}/current_weather")
        self._resources = resources

    def fetch(self, city: City) -> Coroutine[Any, Any, Observation]:
        """Return the latest report of the stations near *city*."""
        return self._resources.limiter.run(lambda: self._request(city))

    async def _request(self, city: City) -> Observation:
        response = await self._client.get(build_bright_sky_query(city))
        return parse_bright_sky(city, response, self._resources.now())

    @functools.cached_property
    def _past_client(self) -> PollingClient:
        return PollingClient(self._resources.session, f"{self._url}/weather")

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return what was measured at the full hours in ``[since, until]``."""
        query = build_bright_sky_past_query(city, since, until)
        return await self._resources.limiter.run(lambda: self._request_past(city, query))

    async def _request_past(self, city: City, query: Mapping[str, str]) -> Sequence[Observation]:
        response = await self._past_client.get(query)
        now = self._resources.now()
        return parse_bright_sky_past(city, _parse_document(response, now), now)


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[BrightSkyProvider]:
    """Open the provider with the section ``bright_sky`` of the settings."""
    return contextlib.nullcontext(BrightSkyProvider(settings.bright_sky.base_url, resources))
