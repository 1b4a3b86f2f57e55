"""Requests of the warnings of the Deutscher Wetterdienst: one for each city."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from weatherd.http.client import get
from weatherd.http.response import parse_json
from weatherd.providers.bright_sky.client import BRIGHT_SKY_URL
from weatherd.providers.bright_sky.warnings import parse_bright_sky_warnings
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.warning_service import WarningAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_GERMANY = ((47.2, 55.1), (5.8, 15.1))  # degrees of latitude and longitude; the service rejects places abroad


class BrightSkyWarnings:
    """A client that requests each city separately, because only the service knows the communes of places."""

    interval = 120.0  # the service updates them every minute

    def __init__(self, settings: Settings, resources: Resources) -> None:
        self._url = f"{settings.bright_sky.base_url or BRIGHT_SKY_URL}/alerts"
        self._language = settings.language
        self._resources = resources

    def covers(self, city: City) -> bool:
        """Return whether the city may be in Germany."""
        (south, north), (west, east) = _GERMANY
        return south <= city.lat <= north and west <= city.lon <= east

    def group(self, cities: Sequence[City]) -> Sequence[Sequence[City]]:
        """Return groups of one city."""
        return [[city] for city in cities]

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answer about the only city of a group. Raises ProviderError."""
        [city] = cities
        return {city.id: await self._resources.limiter.run(lambda: self._request(city))}

    async def _request(self, city: City) -> WarningAnswer:
        response = await get(self._resources.session, self._url, f"lat={city.lat:.5f}&lon={city.lon:.5f}")
        if response.status != HTTPStatus.OK:
            raise error_from_response(response, response.status, self._resources.now(), "detail")
        parsed = parse_bright_sky_warnings(parse_json(response.body), self._language)
        return WarningAnswer(parsed.warnings, parsed.problems)
