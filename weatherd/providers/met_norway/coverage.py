"""The land for which MET Norway issues warnings, to within about 20 km at the border."""

from __future__ import annotations

from weatherd.providers.warning_areas import parse_polygons

# Longitudes and latitudes: the coast from the Oslofjord to the Barents Sea, then the border back to the south,
# simplified so that Norwegian towns are inside, and the Swedish, Finnish and Russian ones beyond the border are not.
_MAINLAND = [
    *([10.9, 58.8], [8.0, 57.6], [6.3, 57.6], [4.3, 58.8], [3.8, 61.0], [4.3, 62.3], [7.0, 64.0], [10.0, 66.0]),
    *([11.0, 68.0], [14.5, 69.7], [18.0, 70.8], [25.0, 71.7], [31.5, 71.0], [31.6, 70.2], [30.95, 69.75]),
    *([30.3, 69.53], [29.3, 69.3], [28.8, 69.2], [29.2, 69.7], [28.2, 70.1], [27.6, 70.05], [26.4, 69.93]),
    *([25.75, 69.55], [25.65, 69.0], [24.9, 68.6], [23.8, 68.75], [22.4, 68.75], [21.2, 69.25], [20.5, 69.1]),
    *([20.0, 68.4], [18.15, 68.45], [17.6, 68.0], [16.2, 67.5], [16.2, 66.9], [14.6, 66.1], [14.5, 65.1]),
    *([13.8, 64.4], [14.1, 64.1], [12.8, 64.0], [12.0, 63.4], [12.2, 62.8], [12.2, 61.6], [12.85, 61.3]),
    *([12.55, 60.6], [12.4, 60.0], [11.85, 59.7], [11.7, 59.2], [11.45, 58.95], [11.1, 59.05], [10.9, 58.8]),
]
_SVALBARD = [[10.0, 74.0], [35.0, 74.0], [35.0, 81.0], [10.0, 81.0], [10.0, 74.0]]
_AREAS = parse_polygons({"type": "MultiPolygon", "coordinates": [[_MAINLAND], [_SVALBARD]]})


def is_in_norway(lat: float, lon: float) -> bool:
    """Return whether a place is in Norway or in Svalbard."""
    return any(area.contains(lat, lon) for area in _AREAS)
