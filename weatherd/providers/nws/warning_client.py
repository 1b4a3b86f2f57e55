"""Requests of the warnings of the National Weather Service: one for each city, or one for the whole country."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from weatherd import __version__
from weatherd.errors import Failure, ProviderError
from weatherd.http.client import DEADLINE, get
from weatherd.http.response import MAX_BYTES
from weatherd.providers.nws.client import NWS_URL, parse_nws_document
from weatherd.providers.nws.stations import format_coordinates
from weatherd.providers.nws.warnings import parse_nws_warnings, parse_place_zones
from weatherd.providers.warning_areas import AreaWarning, Place, match_places
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
_MAX_POINTS = 30  # cities that are requested one by one
_NATIONAL_BYTES = 32 * 2**20  # 400 alerts are 1.6 MB, and a winter storm has several times as many
_NATIONAL_DEADLINE = 60.0  # seconds
_SEARCHES = 30  # of zones, before each request of the national list
_ZONES_KEPT = timedelta(days=30)  # because the service changes its zones now and then


class NwsWarnings:
    """A client that requests the cities one by one, or the national list if there are more than thirty."""

    interval = 120.0

    def __init__(self, settings: Settings, resources: Resources) -> None:
        section = settings.nws
        self._url = section.base_url or NWS_URL
        self._headers = {"Accept": "application/geo+json"}
        if section.contact:
            self._headers["User-Agent"] = f"weatherd/{__version__} ({section.contact})"
        self._resources = resources
        self._known: dict[AreaWarning, AreaWarning] = {}  # of the last national list
        self._failed_searches: Counter[str] = Counter()  # of zones, by city id

    def covers(self, city: City) -> bool:
        """Return whether the city may be in the United States or their territories."""
        return any(south <= city.lat <= north and west <= city.lon <= east for (south, north), (west, east) in _AREAS)

    def group(self, cities: Sequence[City]) -> Sequence[Sequence[City]]:
        """Return groups of one city, or a single group for the national list."""
        return [[city] for city in cities] if len(cities) <= _MAX_POINTS else [cities]

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answers about a group. Raises ProviderError."""
        if len(cities) > 1:
            return await self._fetch_country(cities)
        point = f"&point={format_coordinates(cities[0])}"
        parsed = parse_nws_warnings(await self._get("/alerts/active", f"status=actual{point}"))
        return {cities[0].id: WarningAnswer(parsed.warnings, parsed.problems)}

    async def _fetch_country(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answers about the cities whose zones are known; those of some others are searched first."""
        places = await self._find_places(cities)
        document = await self._get("/alerts/active", "status=actual", _NATIONAL_DEADLINE, _NATIONAL_BYTES)
        # In a thread, because 400 alerts and 20,000 cities take 200 ms
        return await asyncio.to_thread(self._match, document, places)

    def _match(self, document: dict[str, Any], places: Sequence[Place]) -> dict[str, WarningAnswer]:
        """Return the answers about places. What is equal to a warning of the last list is the same object."""
        parsed = parse_nws_warnings(document)
        found = [self._known.get(each, each) for each in parsed.found]
        self._known = {each: each for each in found}
        matched = match_places(found, places)
        return {city: WarningAnswer(warnings, parsed.problems) for city, warnings in matched.items()}

    async def _find_places(self, cities: Sequence[City]) -> list[Place]:
        """Return the cities with zones, after a search for some that are unknown: those that failed least often first.

        So a place for which the service has an error delays no other. Raises ProviderError if no zones are known.
        """
        known = {city.id: zones for city in cities if (zones := self._load_zones(city)) is not None}
        unknown = [city for city in cities if city.id not in known]
        unknown.sort(key=lambda city: self._failed_searches[city.id])
        failure: ProviderError | None = None
        for city in unknown[:_SEARCHES]:
            try:
                known[city.id] = await self._search_zones(city)
            except ProviderError as error:
                self._failed_searches[city.id] += 1
                failure = error  # the cities with known zones need not wait for the others
        if failure and not known:
            raise failure
        # Without zones, a city is abroad or not known yet
        return [Place(city.id, city.lat, city.lon, zones) for city in cities if (zones := known.get(city.id))]

    async def _search_zones(self, city: City) -> frozenset[str]:
        """Return the zones of a city, none if it is abroad, and store them. Raises other ProviderErrors."""
        point = format_coordinates(city)
        try:
            zones = parse_place_zones(await self._get(f"/points/{point}"))
        except ProviderError as error:
            if error.failure is not Failure.REJECTED:
                raise
            zones = frozenset()
        self._resources.key_values.put(point, json.dumps(sorted(zones)), self._resources.now() + _ZONES_KEPT)
        return zones

    def _load_zones(self, city: City) -> frozenset[str] | None:
        """Return the stored zones of a city; None if they are missing or damaged."""
        try:
            zones = json.loads(self._resources.key_values.get(format_coordinates(city)) or "")
        except (ValueError, RecursionError):
            return None
        is_valid = isinstance(zones, list) and all(isinstance(zone, str) for zone in zones)
        return frozenset(zones) if is_valid else None

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
