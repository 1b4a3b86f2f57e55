"""Bright Sky: stations of the Deutscher Wetterdienst, in Germany and near its borders. https://brightsky.dev/docs/."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.providers.bright_sky.past import build_bright_sky_past_query, parse_bright_sky_past
from weatherd.providers.bright_sky.record import parse_bright_sky_record
from weatherd.providers.kit.client import ServiceClient
from weatherd.providers.kit.errors import ErrorTable
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.http.response import Response
    from weatherd.observation import Observation
    from weatherd.providers import Resources

BRIGHT_SKY_URL = "https://api.brightsky.dev"
_ERRORS = ErrorTable(("detail",))


def build_bright_sky_query(city: City) -> dict[str, str]:
    """Return the parameters that request the current weather of *city*, in the DWD's units."""
    return {"lat": f"{city.lat:.5f}", "lon": f"{city.lon:.5f}", "units": "dwd"}


def parse_bright_sky(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the current weather in *response*.

    Raises ProviderError, with the service's own reason if there is one, for anything but current weather.
    """
    weather = as_mapping(as_mapping(_ERRORS.parse_json(response, fetched_at)).get("weather"))
    if not weather:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    return parse_bright_sky_record(city, weather, fetched_at)


class BrightSkyProvider:
    """A client that requests each city separately."""

    def __init__(self, base_url: str | None, resources: Resources) -> None:
        self._url, self._resources = base_url or BRIGHT_SKY_URL, resources
        self._client = ServiceClient(resources, f"{self._url}/current_weather")

    def fetch(self, city: City) -> Coroutine[Any, Any, Observation]:
        """Return the latest report of the stations near *city*."""
        return self._client.request(functools.partial(parse_bright_sky, city), build_bright_sky_query(city))

    @functools.cached_property
    def _past_client(self) -> ServiceClient:
        return ServiceClient(self._resources, f"{self._url}/weather")

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return what was measured at the full hours in ``[since, until]``."""

        def parse(response: Response, now: datetime) -> Sequence[Observation]:
            return parse_bright_sky_past(city, _ERRORS.parse_json(response, now), now)

        return await self._past_client.request(parse, build_bright_sky_past_query(city, since, until))


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[BrightSkyProvider]:
    """Open the provider with the section ``bright_sky`` of the settings."""
    return contextlib.nullcontext(BrightSkyProvider(settings.bright_sky.base_url, resources))
