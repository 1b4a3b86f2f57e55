"""Areas of warnings: places inside polygons and zones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.official_warnings import storm
from weatherd.providers.warning_areas import AreaWarning, Place, match_places, parse_polygons

SQUARE = [[[8.0, 50.0], [12.0, 50.0], [12.0, 54.0], [8.0, 54.0], [8.0, 50.0]]]
HOLE = [[9.0, 51.0], [9.0, 53.0], [11.0, 53.0], [11.0, 51.0], [9.0, 51.0]]


def polygon(*coordinates: Any) -> Any:
    """Return a GeoJSON polygon."""
    return {"type": "Polygon", "coordinates": [*coordinates]}


def test_inside_and_outside() -> None:
    """A place is inside the outline and outside the holes; several polygons add up."""
    [square] = parse_polygons(polygon(*SQUARE))
    assert square.contains(52.0, 10.0)
    assert not any(square.contains(lat, lon) for lat, lon in ((49.9, 10), (54.1, 10), (52, 7.9), (52, 12.1)))
    [ring] = parse_polygons(polygon(*SQUARE, HOLE))
    assert ring.contains(50.5, 10.0)
    assert not ring.contains(52.0, 10.0)
    two = parse_polygons({"type": "MultiPolygon", "coordinates": [SQUARE, [[[0, 0], [1, 0], [1, 1]]]]})
    assert [any(each.contains(lat, lon) for each in two) for lat, lon in ((52, 10), (0.5, 0.9), (2, 2))] == [1, 1, 0]


def test_a_concave_polygon() -> None:
    """The notch of a U is outside."""
    corners = [[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3], [0, 0], [0, 0]]
    [shape] = parse_polygons(polygon(corners))
    assert not shape.contains(2.0, 1.5)
    assert all(shape.contains(2.0, lon) for lon in (0.5, 2.5))


@pytest.mark.parametrize("geometry", [None, {}, {"type": "Point", "coordinates": [8, 50]}, "Polygon", 7])
def test_no_polygon(geometry: Any) -> None:
    """Null and other geometries have no polygon."""
    assert parse_polygons(geometry) == ()


@pytest.mark.parametrize(
    "coordinates",
    [None, [], [[]], [[[8, 50], [9, 50]]], [[[8, 50], [9], [9, 51]]], [[[8, 50], ["9", 50], [9, 51]]], 7, [[7, 7, 7]]],
)
def test_an_unreadable_polygon_is_an_error(coordinates: Any) -> None:
    """It is not a warning without an area, which would concern nobody."""
    with pytest.raises(ValueError, match=r"polygon|ring|corner"):
        parse_polygons({"type": "Polygon", "coordinates": coordinates})
    with pytest.raises(ValueError, match=r"polygon|ring|corner"):
        parse_polygons({"type": "MultiPolygon", "coordinates": [SQUARE, coordinates]})


def test_polygons_decide_where_there_are_some() -> None:
    """A storm's polygon is the warned area; the zones it touches are larger. Without a polygon, the zones decide."""
    places = [Place("in", 52, 10, frozenset({"a"})), Place("beside", 52, 14, frozenset({"a"})), Place("far", 0, 0)]
    shape, zones = parse_polygons(polygon(*SQUARE)), frozenset({"a", "b"})
    assert match_places([AreaWarning(storm(), zones, shape)], places) == {"in": [storm()], "beside": [], "far": []}
    assert match_places([AreaWarning(storm(), zones)], places) == {"in": [storm()], "beside": [storm()], "far": []}


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=20))
def test_matching_is_that_of_each_place(points: list[tuple[float, float]]) -> None:
    """The search by latitude finds what a test of every place finds."""
    shape = parse_polygons(polygon([[-120, -60], [120, -40], [60, 70], [-90, 80]]))
    places = [Place(str(index), *point) for index, point in enumerate(points)]
    matched = match_places([AreaWarning(storm(), polygons=shape)], places)
    assert {place.id for place in places if matched[place.id]} == {
        place.id for place in places if shape[0].contains(place.lat, place.lon)
    }
