"""Requests of the warnings of the National Weather Service: one for each city, or one for the whole country."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd import __version__
from weatherd.http.client import DEADLINE, get
from weatherd.http.response import MAX_BYTES
from weatherd.providers.national_warnings import (
    NATIONAL_BYTES,
    NATIONAL_DEADLINE,
    NationalWarnings,
    group_for_requests,
)
from weatherd.providers.nws.client import NWS_URL, parse_nws_document
from weatherd.providers.nws.stations import format_coordinates
from weatherd.providers.nws.warnings import parse_nws_warnings, parse_place_zones
from weatherd.providers.place_zones import ZoneDirectory
from weatherd.providers.warning_service import WarningAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

# Degrees of latitude and longitude: the states, Alaska beyond the date line too, Hawaii, and the territories. The
# service rejects the other places in them.
_AREAS = (
    ((24.3, 49.6), (-125.1, -66.8)),
    ((51.0, 71.6), (-180.0, -129.9)),
    ((51.0, 54.0), (172.0, 180.0)),
    ((18.5, 22.6), (-160.8, -154.5)),
    ((17.5, 18.7), (-67.5, -64.4)),
    ((13.0, 20.7), (144.4, 146.3)),
    ((-14.7, -10.9), (-171.3, -168.0)),
)


class NwsWarnings:
    """A client that requests the cities one by one, or the national list if there are many."""

    interval = 120.0

    def __init__(self, settings: Settings, resources: Resources) -> None:
        section = settings.nws
        self._url = section.base_url or NWS_URL
        self._headers = {"Accept": "application/geo+json"}
        if section.contact:
            self._headers["User-Agent"] = f"weatherd/{__version__} ({section.contact})"
        self._resources = resources
        self._zones = ZoneDirectory(resources, self._request_zones)
        self._country = NationalWarnings(self._zones, self._request_country, parse_nws_warnings)

    def covers(self, city: City) -> bool:
        """Return whether the city may be in the United States or their territories."""
        return any(south <= city.lat <= north and west <= city.lon <= east for (south, north), (west, east) in _AREAS)

    def group(self, cities: Sequence[City]) -> Sequence[Sequence[City]]:
        """Return groups of one city, or a single group for the national list."""
        return group_for_requests(cities)

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answers about a group. Raises ProviderError."""
        if len(cities) > 1:
            return await self._country.fetch(cities)
        point = f"&point={format_coordinates(cities[0])}"
        parsed = parse_nws_warnings(await self._get("/alerts/active", f"status=actual{point}"))
        return {cities[0].id: WarningAnswer(parsed.warnings, parsed.problems)}

    async def prepare(self, cities: Sequence[City], seconds: float) -> None:
        """Look up unknown zones of cities for the national list."""
        if len(cities) > 1:
            await self._zones.complete(cities, seconds)

    async def _request_country(self) -> dict[str, Any]:
        return await self._get("/alerts/active", "status=actual", NATIONAL_DEADLINE, NATIONAL_BYTES)

    async def _request_zones(self, city: City) -> frozenset[str]:
        return parse_place_zones(await self._get(f"/points/{format_coordinates(city)}"))

    async def _get(
        self, path: str, query: str = "", deadline: float = DEADLINE, max_bytes: int = MAX_BYTES
    ) -> dict[str, Any]:
        async def request() -> dict[str, Any]:
            response = await get(
                self._resources.session,
                f"{self._url}{path}",
                query,
                self._headers,
                deadline=deadline,
                max_bytes=max_bytes,
            )
            return parse_nws_document(response, self._resources.now())

        return await self._resources.limiter.run(request)
