"""Position of the sun, accurate enough to separate day from night and summer from winter.

The equation of time is neglected, so sunrise and sunset are up to a quarter of an hour off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY_SECONDS = 86_400.0
YEAR_SECONDS = 365.2425 * DAY_SECONDS
_EQUINOX = 6_825_600.0  # POSIX time of the March equinox of 1970
_AXIAL_TILT = math.radians(23.44)
_HORIZON = math.sin(math.radians(-0.833))  # centre of the sun at sunrise: refraction and the sun's radius


@dataclass(frozen=True, slots=True)
class SunPosition:
    """Sun over a place at a time. The sine of its elevation is ``level + swing * cos(hour_angle)``."""

    season: float  # radians since the March equinox
    hour_angle: float  # radians, 0 at solar noon, positive in the afternoon
    level: float
    swing: float  # never negative

    @property
    def elevation(self) -> float:
        """Elevation above the horizon in degrees."""
        sine = self.level + self.swing * math.cos(self.hour_angle)
        return math.degrees(math.asin(max(-1.0, min(1.0, sine))))

    @property
    def is_up(self) -> bool:
        """Whether any part of the sun is above the horizon."""
        return self.level + self.swing * math.cos(self.hour_angle) > _HORIZON


def sun_position(lat: float, lon: float, at: float) -> SunPosition:
    """Return the sun over a place (degrees) at a time (POSIX seconds)."""
    season = 2 * math.pi * (at - _EQUINOX) / YEAR_SECONDS
    declination = math.asin(math.sin(_AXIAL_TILT) * math.sin(season))
    latitude = math.radians(lat)
    return SunPosition(
        season=season,
        hour_angle=2 * math.pi * (at / DAY_SECONDS + lon / 360 - 0.5),
        level=math.sin(latitude) * math.sin(declination),
        swing=math.cos(latitude) * math.cos(declination),
    )


def sunrise_and_sunset(lat: float, lon: float, noon: float) -> tuple[float, float] | None:
    """Return sunrise and sunset (POSIX seconds) around the solar noon nearest to *noon*.

    Return None if the sun does not cross the horizon that day.
    """
    noon -= (noon / DAY_SECONDS + lon / 360) % 1 * DAY_SECONDS - DAY_SECONDS / 2
    sun = sun_position(lat, lon, noon)
    if abs(_HORIZON - sun.level) >= sun.swing:
        return None
    half = math.acos((_HORIZON - sun.level) / sun.swing) / (2 * math.pi) * DAY_SECONDS
    return noon - half, noon + half
