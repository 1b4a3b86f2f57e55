"""The simulated airports: some with their real names, and one at each full degree."""

from __future__ import annotations

import functools
import itertools
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_AIRPORTS = MappingProxyType(  # beside those at each full degree
    {
        "EDDH": (53.63, 9.99),
        "EDHK": (54.38, 10.15),
        "EDDB": (52.37, 13.5),
        "EGLL": (51.477, -0.461),
        "ENGM": (60.2, 11.08),
        "ENSB": (78.25, 15.47),
        "KJFK": (40.64, -73.76),
        "KORD": (41.96, -87.93),
        "PHNL": (21.32, -157.93),
        "RJTT": (35.553, 139.781),
        "SCEL": (-33.39, -70.79),
        "YSSY": (-33.95, 151.18),
        "ZUCK": (29.718, 106.639),
    }
)


class SimulatedAirport(NamedTuple):
    """An airport with its coordinates in degrees."""

    id: str
    lat: float
    lon: float

    @property
    def is_american(self) -> bool:
        """Whether its reports have the units and the additional values of the United States."""
        return self.id[0] in "KP" or (self.id not in _AIRPORTS and 18 <= self.lat <= 72 and -180 <= self.lon <= -64)


def find_airports(names: list[str]) -> Iterator[SimulatedAirport]:
    """Yield the airports with these names, each once."""
    yield from filter(None, map(_find_airport, dict.fromkeys(name.upper() for name in names)))


def list_airports(south: float, west: float, north: float, east: float) -> Iterator[SimulatedAirport]:
    """Yield the airports in a box of degrees."""
    for name, (lat, lon) in _AIRPORTS.items():
        if south <= lat <= north and west <= lon <= east:
            yield SimulatedAirport(name, lat, lon)
    for lat, lon in itertools.product(range(-89, 90), range(-180, 180)):
        if south <= lat <= north and west <= lon <= east:
            yield SimulatedAirport(_name_station(lat, lon), lat, lon)


@functools.lru_cache(maxsize=4096)
def _find_airport(name: str) -> SimulatedAirport | None:
    if name in _AIRPORTS:
        return SimulatedAirport(name, *_AIRPORTS[name])
    if len(name) != 4 or name[0] not in "QX" or not set(name) <= set(_LETTERS):
        return None
    number = int(name[1:], 36) + (36**3 if name[0] == "X" else 0)
    lat, lon = number // 360 - 89, number % 360 - 180
    return SimulatedAirport(name, lat, lon) if lat <= 89 else None


def _name_station(lat: int, lon: int) -> str:
    number = (lat + 89) * 360 + lon + 180
    prefix, number = ("X", number - 36**3) if number >= 36**3 else ("Q", number)
    return f"{prefix}{_LETTERS[number // 1296]}{_LETTERS[number // 36 % 36]}{_LETTERS[number % 36]}"
