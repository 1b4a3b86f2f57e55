"""The cities on a map: each one, or those of a cell together if they are too many."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from weatherd.web.page.city_index import STATE_ORDER
from weatherd.web.page.models import MapModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.web.page.city_index import ListSnapshot
    from weatherd.web.query_models import MapQuery

_MAX_POINTS = 6000
_CELLS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)  # degrees


def make_map(snapshot: ListSnapshot, query: MapQuery) -> MapModel:
    """Return the points in a part of the earth, which may include the date line (west > east)."""
    inside = [index for index, city in enumerate(snapshot.cities) if _is_inside(city.lat, city.lon, query)]
    least = _estimate_cell(query) if len(inside) > _MAX_POINTS else 0.0
    cell = next(size for size in _CELLS if size >= min(least, _CELLS[-1]))
    groups = _group(snapshot, inside, cell)
    while len(groups) > _MAX_POINTS and cell < _CELLS[-1]:
        cell = next(size for size in _CELLS if size > cell)
        groups = _group(snapshot, inside, cell)
    points = [_make_point(snapshot, group) for group in groups[:_MAX_POINTS]]
    names = [name for name in MapModel.model_fields if name not in {"total", "cell"}]
    columns: dict[str, Any] = {name: [point[name] for point in points] for name in names}
    return MapModel(total=len(snapshot.cities), cell=cell, **columns)


def _estimate_cell(query: MapQuery) -> float:
    """Return a cell size in degrees below which there may be too many: a fifth of the world's cells have cities."""
    width = query.east - query.west + (360 if query.east < query.west else 0)
    return math.sqrt((query.north - query.south) * width / (5 * _MAX_POINTS)) / 2


def _is_inside(lat: float, lon: float, query: MapQuery) -> bool:
    if query.west <= query.east:
        return query.south <= lat <= query.north and query.west <= lon <= query.east
    return query.south <= lat <= query.north and (lon >= query.west or lon <= query.east)


def _group(snapshot: ListSnapshot, indexes: Sequence[int], cell: float) -> list[list[int]]:
    if not cell:
        return [[index] for index in indexes]
    groups: defaultdict[tuple[float, float], list[int]] = defaultdict(list)
    for index in indexes:
        city = snapshot.cities[index]
        groups[city.lat // cell, city.lon // cell].append(index)
    return list(groups.values())


def _make_point(snapshot: ListSnapshot, group: Sequence[int]) -> dict[str, Any]:
    worst = min(group, key=lambda index: STATE_ORDER.index(snapshot.states[index]))
    city, last = snapshot.cities[worst], snapshot.latest[worst]
    temperatures = [known.temperature for index in group if (known := snapshot.latest[index])]
    return {
        "id": city.id,
        "name": city.name,
        "lat": city.lat,
        "lon": city.lon,
        "temperature": round(statistics.median(temperatures) * 10) if temperatures else None,
        "state": snapshot.states[worst],
        "count": len(group),
        "wind": _tenths(last.wind_speed if last else None),
        "direction": round(last.wind_direction) if last and last.wind_direction is not None else None,
        "rain": _tenths(last.precipitation if last else None),
    }


def _tenths(value: float | None) -> int | None:
    return None if value is None else round(value * 10)
