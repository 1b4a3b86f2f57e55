"""Day or night at a place, because some conditions have other words and pictures at night. A pure function."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_DAY = 86400.0  # seconds
_YEAR = 365.2425 * _DAY
_NEW_YEAR = 1767225600.0  # POSIX time of 2026-01-01T00:00:00Z
_HORIZON = math.sin(math.radians(-0.833))  # the sun's center at sunrise: half its width, and refraction


def is_daylight(lat: float, lon: float, at: datetime) -> bool:
    """Return whether any part of the sun is above the horizon at a place (degrees) and an aware time.

    Exact to two minutes up to 60 degrees of latitude; where the sun hardly rises or sets, the same error of its height
    may be an hour. Fourier series of the declination and of the equation of time by Spencer (1971), as in
    https://gml.noaa.gov/grad/solcalc/solareqns.PDF.
    """
    declination, hour = _find_sun(at.timestamp())
    latitude, angle = math.radians(lat), hour + math.radians(lon)
    height = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(angle)
    return height > _HORIZON


@functools.lru_cache(maxsize=256)  # because all observations of a batch have the same times
def _find_sun(posix: float) -> tuple[float, float]:
    """Return the declination of the sun and its hour angle at longitude 0, in radians."""
    angle = 2 * math.pi * ((posix - _NEW_YEAR) / _YEAR % 1)
    declination = (
        0.006918
        - 0.399912 * math.cos(angle)
        + 0.070257 * math.sin(angle)
        - 0.006758 * math.cos(2 * angle)
        + 0.000907 * math.sin(2 * angle)
        - 0.002697 * math.cos(3 * angle)
        + 0.00148 * math.sin(3 * angle)
    )
    lead = 0.000075 + 0.001868 * math.cos(angle) - 0.032077 * math.sin(angle)  # radians of the sundial before the clock
    lead -= 0.014615 * math.cos(2 * angle) + 0.040849 * math.sin(2 * angle)
    return declination, 2 * math.pi * (posix / _DAY % 1 - 0.5) + lead
