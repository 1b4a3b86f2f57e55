"""The points of all nodes on one map. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from weatherd.web.page.city_index import STATE_ORDER
from weatherd.web.page.models import MapModel

if TYPE_CHECKING:
    from collections.abc import Sequence

_SINGLE = ("total", "cell")  # fields that are not columns


def merge_maps(models: Sequence[MapModel], total: int) -> MapModel:
    """Return a map of all points; those in the same cell are one if a node has put cities together."""
    cell = max(model.cell for model in models)
    names = [name for name in MapModel.model_fields if name not in _SINGLE]
    points = [
        dict(zip(names, values, strict=True))
        for model in models
        for values in zip(*(getattr(model, name) for name in names), strict=True)
    ]
    if cell:
        groups: defaultdict[tuple[float, float], list[dict[str, Any]]] = defaultdict(list)
        for point in points:
            groups[point["lat"] // cell, point["lon"] // cell].append(point)
        points = [_merge_points(group) for group in groups.values()]
    columns: dict[str, Any] = {name: [point[name] for point in points] for name in names}
    return MapModel(total=total, cell=cell, **columns)


def _merge_points(group: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one point: the worst one, with the mean of the temperatures by the number of their cities."""
    worst = min(group, key=lambda point: STATE_ORDER.index(point["state"]))
    known = [(point["temperature"], point["count"]) for point in group if point["temperature"] is not None]
    weight = sum(count for _, count in known)
    mean = round(sum(temperature * count for temperature, count in known) / weight) if weight else None
    return worst | {"temperature": mean, "count": sum(point["count"] for point in group)}
