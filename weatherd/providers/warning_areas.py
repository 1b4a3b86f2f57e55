"""Areas of official warnings: zones and polygons, and the places inside them."""

from __future__ import annotations

import bisect
import operator
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from weatherd.providers.values import as_mapping, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from weatherd.official_warning import OfficialWarning

Ring: TypeAlias = tuple[tuple[float, float], ...]  # longitudes and latitudes in degrees, as in GeoJSON
_DEGREES = (-360.0, 360.0)
_MIN_CORNERS = 3


class Polygon(NamedTuple):
    """A polygon: its outline, then its holes. The bounds are those of the outline, in degrees."""

    rings: tuple[Ring, ...]
    south: float
    north: float
    west: float
    east: float

    def contains(self, lat: float, lon: float) -> bool:
        """Return whether a place is inside: a line from it to the east crosses the rings an odd number of times."""
        if not (self.south <= lat <= self.north and self.west <= lon <= self.east):
            return False
        return sum(_count_crossings(ring, lat, lon) for ring in self.rings) % 2 == 1


class AreaWarning(NamedTuple):
    """A warning and its area: the polygons, or the zones if there are no polygons."""

    warning: OfficialWarning
    zones: frozenset[str] = frozenset()  # ids of the service
    polygons: tuple[Polygon, ...] = ()


class ParsedWarnings(NamedTuple):
    """The warnings in a response, and a sentence for each part of it that could not be read."""

    found: Sequence[AreaWarning]
    problems: Sequence[str]

    @property
    def warnings(self) -> list[OfficialWarning]:
        """The warnings without their areas."""
        return [found.warning for found in self.found]


class Place(NamedTuple):
    """A place to find the warnings of."""

    id: str
    lat: float
    lon: float
    zones: frozenset[str] = frozenset()  # ids of the service


def parse_polygons(geometry: Any) -> tuple[Polygon, ...]:
    """Return the polygons of a GeoJSON geometry (RFC 7946 §3.1); () for another one, and for null.

    Raises ValueError if a part of a polygon cannot be read, because the area is then unknown.
    """
    document = as_mapping(geometry)
    coordinates = document.get("coordinates")
    match document.get("type"):
        case "Polygon":
            return (_parse_polygon(coordinates),)
        case "MultiPolygon" if isinstance(coordinates, list):
            return tuple(map(_parse_polygon, coordinates))
        case "Polygon" | "MultiPolygon":
            raise ValueError("the polygons are no list")
    return ()


def _parse_polygon(coordinates: Any) -> Polygon:
    if not coordinates or not isinstance(coordinates, list):
        raise ValueError("a polygon has no ring")
    rings = tuple(map(_parse_ring, coordinates))
    lons, lats = zip(*rings[0], strict=True)
    return Polygon(rings, min(lats), max(lats), min(lons), max(lons))


def _parse_ring(corners: Any) -> Ring:
    if not isinstance(corners, list) or len(corners) < _MIN_CORNERS:
        raise ValueError("a ring has less than three corners")
    return tuple(map(_parse_corner, corners))


def _parse_corner(corner: Any) -> tuple[float, float]:
    lon, lat = (parse_number(value, _DEGREES) for value in corner[:2]) if _is_pair(corner) else (None, None)
    if lon is None or lat is None:
        raise ValueError("a corner is not a pair of degrees")
    return lon, lat


def _is_pair(corner: Any) -> bool:
    return isinstance(corner, list) and len(corner) >= 2  # noqa: PLR2004 - a third number would be the altitude


def _count_crossings(ring: Ring, lat: float, lon: float) -> int:
    crossings = 0
    west, south = ring[-1]
    for east, north in ring:
        if (south > lat) != (north > lat) and lon < west + (east - west) * (lat - south) / (north - south):
            crossings += 1
        west, south = east, north
    return crossings


def match_places(found: Iterable[AreaWarning], places: Sequence[Place]) -> dict[str, list[OfficialWarning]]:
    """Return the warnings of each place by its id. 1,000 places and 400 warnings take a few milliseconds."""
    by_lat = sorted(places, key=operator.attrgetter("lat"))
    by_zone: defaultdict[str, list[Place]] = defaultdict(list)
    for place in places:
        for zone in place.zones:
            by_zone[zone].append(place)
    matched: dict[str, list[OfficialWarning]] = {place.id: [] for place in places}
    for warning, zones, polygons in found:
        inside = _find_inside(polygons, by_lat) if polygons else _find_in_zones(zones, by_zone)
        for place_id in dict.fromkeys(inside):
            matched[place_id].append(warning)
    return matched


def _find_inside(polygons: Iterable[Polygon], by_lat: Sequence[Place]) -> Iterator[str]:
    for polygon in polygons:
        begin = bisect.bisect_left(by_lat, polygon.south, key=operator.attrgetter("lat"))
        end = bisect.bisect_right(by_lat, polygon.north, key=operator.attrgetter("lat"))
        yield from (place.id for place in by_lat[begin:end] if polygon.contains(place.lat, place.lon))


def _find_in_zones(zones: Iterable[str], by_zone: defaultdict[str, list[Place]]) -> Iterator[str]:
    for zone in zones:
        yield from (place.id for place in by_zone.get(zone, ()))
