"""Requests of the warnings of the Deutscher Wetterdienst: one for each city, or one for the whole country."""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from weatherd.http.client import DEADLINE, get
from weatherd.http.response import MAX_BYTES, parse_json
from weatherd.providers.bright_sky.client import BRIGHT_SKY_URL
from weatherd.providers.bright_sky.warnings import parse_bright_sky_warnings, parse_commune, parse_national_warnings
from weatherd.providers.national_warnings import (
    NATIONAL_BYTES,
    NATIONAL_DEADLINE,
    NationalWarnings,
    group_for_requests,
)
from weatherd.providers.place_zones import ZoneDirectory
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.warning_service import WarningAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_GERMANY = ((47.2, 55.1), (5.8, 15.1))  # degrees of latitude and longitude; the service rejects places abroad


class BrightSkyWarnings:
    """A client that requests the cities one by one, or all warnings of Germany if there are many.

    Only the service knows the communes of places.
    """

    interval = 120.0  # the service updates them every minute

    def __init__(self, settings: Settings, resources: Resources) -> None:
        self._url = f"{settings.bright_sky.base_url or BRIGHT_SKY_URL}/alerts"
        self._language = settings.language
        self._resources = resources
        self._zones = ZoneDirectory(resources, self._request_commune)
        parse = functools.partial(parse_national_warnings, language=self._language)
        self._country = NationalWarnings(self._zones, self._request_country, parse)

    def covers(self, city: City) -> bool:
        """Return whether the city may be in Germany."""
        (south, north), (west, east) = _GERMANY
        return south <= city.lat <= north and west <= city.lon <= east

    def group(self, cities: Sequence[City]) -> Sequence[Sequence[City]]:
        """Return groups of one city, or a single group for the national list."""
        return group_for_requests(cities)

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answers about a group. Raises ProviderError."""
        if len(cities) > 1:
            return await self._country.fetch(cities)
        parsed = parse_bright_sky_warnings(await self._get(_format_place(cities[0])), self._language)
        return {cities[0].id: WarningAnswer(parsed.warnings, parsed.problems)}

    async def prepare(self, cities: Sequence[City], seconds: float) -> None:
        """Look up unknown communes of cities for the national list."""
        if len(cities) > 1:
            await self._zones.complete(cities, seconds)

    async def _request_country(self) -> Any:
        return await self._get("", NATIONAL_DEADLINE, NATIONAL_BYTES)

    async def _request_commune(self, city: City) -> frozenset[str]:
        return parse_commune(await self._get(_format_place(city)))

    async def _get(self, query: str, deadline: float = DEADLINE, max_bytes: int = MAX_BYTES) -> Any:
        async def request() -> Any:
            response = await get(self._resources.session, self._url, query, deadline=deadline, max_bytes=max_bytes)
            if response.status != HTTPStatus.OK:
                raise error_from_response(response, response.status, self._resources.now(), "detail")
            return parse_json(response.body)

        return await self._resources.limiter.run(request)


def _format_place(city: City) -> str:
    return f"lat={city.lat:.5f}&lon={city.lon:.5f}"
