"""Which stations are near a place: asked for once a day, and kept over restarts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from weatherd.errors import Failure, ProviderError
from weatherd.providers.values import as_mapping, parse_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from weatherd.city import City
    from weatherd.journal.key_value import KeyValueStore

    Ask = Callable[[str], Awaitable[dict[str, Any]]]

_MOST = 5  # that are kept
_GOOD_FOR = timedelta(days=1)  # the service's grid changes now and then
_PREFERRED_FOR = timedelta(hours=1)  # then the nearest has another chance
_ID = re.compile("[A-Za-z0-9_-]{1,20}")


def format_point(city: City) -> str:
    """Return a city's coordinates as the service wants them: four decimals at the most, and no trailing zeros."""
    return ",".join(f"{round(degrees, 4) + 0.0:.4f}".rstrip("0").rstrip(".") for degrees in (city.lat, city.lon))


def parse_station_ids(document: dict[str, Any]) -> list[str]:
    """Return the ids in a collection of stations, in its order: the nearest first."""
    features = document.get("features")
    found = [
        as_mapping(as_mapping(feature).get("properties")).get("stationIdentifier")
        for feature in (features if isinstance(features, list) else [])
    ]
    return _possible(found)


def _possible(found: list[Any]) -> list[str]:
    """Leave out what is no id, for the ids become part of an address."""
    return [station for station in found if isinstance(station, str) and _ID.fullmatch(station)][:_MOST]


def _path(address: Any) -> str:
    """Return the path of an address, whatever its host, or "" if it is none."""
    with contextlib.suppress(ValueError):
        return urlsplit(address).path if isinstance(address, str) else ""
    return ""


class StationFinder:
    """Knows the stations of each place. *ask* returns the document under a path of the service."""

    def __init__(self, ask: Ask, memory: KeyValueStore, now: Callable[[], datetime]) -> None:
        self._ask = ask
        self._memory = memory
        self._now = now
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._preferred: dict[str, tuple[str, datetime]] = {}

    async def near(self, city: City) -> list[str]:
        """Return the stations near a city in the order to ask them; ProviderError when there are none."""
        place = format_point(city)
        async with self._locks[place]:
            stations = self._known(place) or await self._find(place)
        preferred, until = self._preferred.get(place, ("", self._now()))
        return sorted(stations, key=lambda station: station != preferred) if self._now() < until else stations

    def prefer(self, city: City, station: str) -> None:
        """Ask this one first for a while: those that are nearer had nothing fresh."""
        place = format_point(city)
        if self._preferred.get(place, ("",))[0] != station or self._now() >= self._preferred[place][1]:
            self._preferred[place] = station, self._now() + _PREFERRED_FOR

    def forget(self, city: City) -> None:
        """Look for stations anew at the next time, when none had anything fresh; once an hour at the most."""
        place = format_point(city)
        self._preferred.pop(place, None)
        note = self._note(place)
        if note and note.get("found", 0) < (self._now() - _PREFERRED_FOR).timestamp():
            self._memory.put(place, "{}", self._now())

    async def _find(self, place: str) -> list[str]:
        properties = as_mapping((await self._ask(f"/points/{place}")).get("properties"))
        path = _path(properties.get("observationStations"))
        if not re.fullmatch(r"/[\w,/.-]+", path, re.ASCII):
            raise ProviderError("the service does not say which stations are near", Failure.MALFORMED)
        stations = parse_station_ids(await self._ask(path))
        if not stations:
            raise ProviderError("the service knows no station near", Failure.REJECTED)
        now = self._now()
        self._memory.put(place, json.dumps({"found": now.timestamp(), "stations": stations}), now + _GOOD_FOR)
        return stations

    def _known(self, place: str) -> list[str]:
        note = self._note(place)
        now = self._now().timestamp()
        found = parse_number(note.get("found"), now - _GOOD_FOR.total_seconds(), now)  # later ones: a clock was wrong
        stations = note.get("stations")
        return _possible(stations) if found is not None and isinstance(stations, list) else []

    def _note(self, place: str) -> dict[str, Any]:
        with contextlib.suppress(ValueError, RecursionError):
            return as_mapping(json.loads(self._memory.get(place) or "{}"))
        return {}
