"""The stations near a place: requested once a day, and stored so that they survive a restart."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from weatherd.errors import Failure, ProviderError
from weatherd.providers.kit.station_memory import StationMemory
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from weatherd.city import City
    from weatherd.journal.key_value import KeyValueStore

    FetchDocument = Callable[[str], Awaitable[dict[str, Any]]]

_MAX_STATIONS = 5  # stored for a place
_VALID_FOR = timedelta(days=1)  # because the service changes its grid now and then
_STATION_ID = re.compile("[A-Za-z0-9_-]{1,20}")


def format_coordinates(city: City) -> str:
    """Return ``lat,lon`` with up to four decimals and no trailing zeros: the service redirects anything longer."""
    return ",".join(f"{round(degrees, 4) + 0.0:.4f}".rstrip("0").rstrip(".") for degrees in (city.lat, city.lon))


def parse_station_ids(document: dict[str, Any]) -> list[str]:
    """Return the ids in a collection of stations, in its order: the nearest first."""
    features = document.get("features")
    return _valid_ids(
        [
            as_mapping(as_mapping(feature).get("properties")).get("stationIdentifier")
            for feature in (features if isinstance(features, list) else [])
        ]
    )


def _valid_ids(values: list[Any]) -> list[str]:
    """Return the first valid ids. An invalid id must not become part of a URL."""
    return [value for value in values if isinstance(value, str) and _STATION_ID.fullmatch(value)][:_MAX_STATIONS]


def _url_path(url: Any) -> str:
    """Return the path of *url*, whatever its host, or "" if it is not a URL."""
    with contextlib.suppress(ValueError):
        return urlsplit(url).path if isinstance(url, str) else ""
    return ""


class StationFinder:
    """A finder of the stations near a city. *fetch_document* returns the JSON object at a path of the service."""

    def __init__(self, fetch_document: FetchDocument, key_values: KeyValueStore, now: Callable[[], datetime]) -> None:
        self._fetch_document = fetch_document
        self._memory = StationMemory(key_values, now, _VALID_FOR, _valid_ids)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by coordinates

    async def find(self, city: City) -> list[str]:
        """Return the ids of up to five stations near *city*, in the order in which to request them.

        Raises ProviderError if there is none.
        """
        coordinates = format_coordinates(city)
        async with self._locks[coordinates]:
            stations = self._memory.load(coordinates) or await self._request_stations(coordinates)
        return self._memory.sort(coordinates, stations)

    def prefer(self, city: City, station: str) -> None:
        """Put *station* first for an hour, because the nearer ones had no fresh observation."""
        self._memory.prefer(format_coordinates(city), station)

    def forget(self, city: City) -> None:
        """Discard stations found over an hour ago, because none was fresh; the next poll requests them anew."""
        self._memory.discard(format_coordinates(city))

    async def _request_stations(self, coordinates: str) -> list[str]:
        properties = as_mapping((await self._fetch_document(f"/points/{coordinates}")).get("properties"))
        path = _url_path(properties.get("observationStations"))
        if not re.fullmatch(r"/[\w,/.-]+", path, re.ASCII):
            raise ProviderError("the response does not name the stations near the place", Failure.MALFORMED)
        stations = parse_station_ids(await self._fetch_document(path))
        if not stations:
            raise ProviderError("the service has no station near the place", Failure.REJECTED)
        self._memory.save(coordinates, stations)
        return stations
