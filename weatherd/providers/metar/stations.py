"""The airports near places: requested once a month for each square of two degrees, and stored."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import Failure, ProviderError
from weatherd.http.response import parse_json
from weatherd.providers.kit.station_memory import StationMemory
from weatherd.providers.values import as_mapping, parse_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.journal.key_value import KeyValueStore

    RequestStations = Callable[[str], Awaitable[Sequence["Airport"]]]  # by "south,west,north,east" in degrees

_MAX_STATIONS = 3  # of a place
_MAX_DISTANCE = 100.0  # km
_MAX_LOOKUPS = 100  # requests before one for reports
_MAX_BURST, _LOOKUP_DISTANCE = 20, 1.0  # requests without a pause, then seconds: the service allows 100 a minute
_SQUARE = 2  # degrees; a larger one may have more stations around it than the 400 that a response has
_VALID_FOR = timedelta(days=30)
_EARTH_RADIUS = 6371.0  # km
_is_station_id = re.compile("[A-Z0-9]{4}").fullmatch


class Airport(NamedTuple):
    """A station that reports."""

    id: str  # ICAO
    lat: float  # degrees
    lon: float  # degrees


def parse_airports(body: bytes) -> list[Airport]:
    """Return the stations in a response of ``/api/data/stationinfo`` that report and have an ICAO id.

    Buoys and road sites have no "METAR" in ``siteType``, and never report. Raises ProviderError if it is not a list.
    """
    sites = parse_json(body)
    if not isinstance(sites, list):
        raise ProviderError("the response is not a list of stations", Failure.MALFORMED)
    kinds = [(site, site.get("siteType")) for site in map(as_mapping, sites)]
    reporting = [site for site, kind in kinds if isinstance(kind, list) and "METAR" in kind]
    return _valid_airports([(site.get("icaoId"), site.get("lat"), site.get("lon")) for site in reporting])


def _valid_airports(values: Sequence[Any]) -> list[Airport]:
    found = []
    for value in values:
        if isinstance(value, list | tuple) and len(value) == len(Airport._fields):
            name, lat, lon = value[0], parse_number(value[1], (-90, 90)), parse_number(value[2], (-180, 180))
            if isinstance(name, str) and _is_station_id(name) and lat is not None and lon is not None:
                found.append(Airport(name, lat, lon))
    return found


@dataclass(slots=True)
class _Lookups:
    """The requests of one poll, and why there are no more."""

    count: int = 0
    error: ProviderError | None = None


class AirportDirectory:
    """The stations of places, stored by the degrees of a square's southwest corner."""

    def __init__(self, request: RequestStations, key_values: KeyValueStore, now: Callable[[], datetime]) -> None:
        self._request = request
        self._memory = StationMemory(key_values, now, _VALID_FOR, _valid_airports)
        self._nearest: dict[tuple[float, float], list[str]] = {}  # by coordinates, until one is silent

    async def find(self, cities: Sequence[City]) -> list[list[str] | ProviderError]:
        """Return for each city its ``station``, or up to three stations at most 100 km away, in the order to ask them.

        Up to 100 squares are looked up at once, until one fails; what is left follows at the next polls.
        """
        lookups = _Lookups()
        found: list[list[str] | ProviderError] = []
        for city in cities:
            known = [city.station] if city.station else self._nearest.get((city.lat, city.lon))
            stations = known or await self._find_near(city, lookups)
            found.append(stations if isinstance(stations, ProviderError) else self._memory.sort(city.id, stations))
        return found

    def prefer(self, city: City, station: str) -> None:
        """Put *station* first for an hour, because the nearer ones had no fresh report."""
        self._memory.prefer(city.id, station)

    def forget(self, city: City) -> None:
        """Sort the stations of a place anew at the next poll, and renew those that are older than a month."""
        self._nearest.pop((city.lat, city.lon), None)

    async def _find_near(self, city: City, lookups: _Lookups) -> list[str] | ProviderError:
        square = ",".join(map(str, _find_corner(city)))
        airports = self._memory.load(square)
        if airports is None:
            if lookups.error is None:
                await self._look_up(square, city, lookups)
            airports = self._memory.load_outdated(square)
            if not airports and lookups.error:
                return lookups.error.copy_for()
        nearest = [airport.id for airport in _sort_by_distance(city, airports)[:_MAX_STATIONS]]
        if not nearest:
            text = f"no airport that reports is within {_MAX_DISTANCE:.0f} km; name one as the city's 'station'"
            return ProviderError(text, Failure.REJECTED)
        self._nearest[city.lat, city.lon] = nearest
        return nearest

    async def _look_up(self, square: str, city: City, lookups: _Lookups) -> None:
        lookups.count += 1
        if lookups.count > _MAX_LOOKUPS:
            text = "the airports near the place are looked up at the next poll"
            lookups.error = ProviderError(text, Failure.EMPTY)
            return
        if lookups.count > _MAX_BURST:
            await asyncio.sleep(_LOOKUP_DISTANCE)
        try:
            self._memory.save(square, await self._request(_format_box(city)))
        except ProviderError as error:
            lookups.error = error.copy_for()


def _find_corner(city: City) -> tuple[int, int]:
    """Return the southwest corner of a city's square, in degrees."""
    return math.floor(city.lat / _SQUARE) * _SQUARE, math.floor(city.lon / _SQUARE) * _SQUARE


def _format_box(city: City) -> str:
    """Return a box that has all places within 100 km of a square: ``53,8,57,14`` for 54 to 56 N, 10 to 12 E."""
    south, west = _find_corner(city)
    north, east = south + _SQUARE, west + _SQUARE
    width = min(math.ceil(1 / max(math.cos(math.radians(max(abs(south), abs(north)))), 0.05)), 20)
    limits = (max(south - 1, -90), max(west - width, -180), min(north + 1, 90), min(east + width, 180))
    return ",".join(map(str, limits))


def _sort_by_distance(city: City, airports: Sequence[Airport]) -> list[Airport]:
    """Return the airports at most 100 km away, the nearest first."""
    distances = [(_measure_distance(city, airport), airport) for airport in airports]
    return [airport for distance, airport in sorted(distances) if distance <= _MAX_DISTANCE]


def _measure_distance(city: City, airport: Airport) -> float:
    """Return the distance in km on a sphere, by the haversine formula."""
    lat, other = math.radians(city.lat), math.radians(airport.lat)
    half = math.sin((other - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(other) * math.sin(math.radians(airport.lon - city.lon) / 2) ** 2
    return 2 * _EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half)))
