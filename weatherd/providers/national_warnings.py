"""Warnings of a whole country in one request, for lists with many cities in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weatherd.providers.warning_areas import AreaWarning, ParsedWarnings, Place, match_places
from weatherd.providers.warning_service import WarningAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.providers.place_zones import ZoneDirectory

MAX_SINGLE_CITIES = 30  # that are requested one by one; with more, the national list is less work for the service
NATIONAL_BYTES = 32 * 2**20  # 400 alerts of the NWS are 1.6 MB, and a winter storm has several times as many
NATIONAL_DEADLINE = 60.0  # seconds


def group_for_requests(cities: Sequence[City]) -> Sequence[Sequence[City]]:
    """Return groups of one city, or a single group for the national list."""
    return [[city] for city in cities] if len(cities) <= MAX_SINGLE_CITIES else [cities]


@dataclass(slots=True)
class NationalWarnings:
    """The national list of a service, and the cities that it concerns."""

    zones: ZoneDirectory
    request_list: Callable[[], Awaitable[Any]]  # raises ProviderError
    parse: Callable[[Any], ParsedWarnings]  # raises ProviderError
    _last: dict[AreaWarning, AreaWarning] = field(default_factory=dict)  # of the last list

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answers about cities by their ids; about those abroad there is none. Raises ProviderError.

        A city whose zones are not known yet gets the warnings with a polygon around it.
        """
        document = await self.request_list()
        # In a thread, because 400 alerts and 20,000 cities take 100 ms
        return await asyncio.to_thread(self._match, document, cities)

    def _match(self, document: Any, cities: Sequence[City]) -> dict[str, WarningAnswer]:
        """Return the answers. What is equal to a warning of the last list is the same object."""
        parsed = self.parse(document)
        found = [self._last.get(warning, warning) for warning in parsed.found]
        self._last = {warning: warning for warning in found}
        places: list[Place] = []
        unknown: set[str] = set()
        for city in cities:
            zones = self.zones.find(city)
            if zones is None:
                unknown.add(city.id)
            if zones != frozenset():
                places.append(Place(city.id, city.lat, city.lon, zones or frozenset()))
        return {
            city: WarningAnswer(warnings, parsed.problems, is_partial=city in unknown)
            for city, warnings in match_places(found, places).items()
        }
