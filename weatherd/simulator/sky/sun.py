"""Where the sun stands, well enough to tell day from night and summer from winter.

The equation of time is left out, so the sun rises and sets up to a quarter of an hour off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY_SECONDS = 86_400.0
YEAR_SECONDS = 365.2425 * DAY_SECONDS
_EQUINOX = 6_825_600.0  # unix time of an equinox in spring: 1970-03-21
_TILT = math.radians(23.44)
_HORIZON = math.sin(math.radians(-0.833))  # the upper edge of the sun, lifted by refraction


@dataclass(frozen=True, slots=True)
class SunPosition:
    """The sun over one place at one moment; its sine of elevation is ``level + swing * cos(hour_angle)``."""

    season: float  # radians since the equinox in spring
    hour_angle: float  # radians, 0 at solar noon, growing towards the evening
    level: float
    swing: float  # never negative

    @property
    def elevation(self) -> float:
        """The height over the horizon in degrees."""
        sine = self.level + self.swing * math.cos(self.hour_angle)
        return math.degrees(math.asin(max(-1.0, min(1.0, sine))))

    @property
    def is_up(self) -> bool:
        """Whether any of it is to be seen."""
        return self.level + self.swing * math.cos(self.hour_angle) > _HORIZON


def sun_position(lat: float, lon: float, at: float) -> SunPosition:
    """Tell the sun over a place (degrees) at a moment (unix seconds)."""
    season = 2 * math.pi * (at - _EQUINOX) / YEAR_SECONDS
    declination = math.asin(math.sin(_TILT) * math.sin(season))
    latitude = math.radians(lat)
    return SunPosition(
        season=season,
        hour_angle=2 * math.pi * (at / DAY_SECONDS + lon / 360 - 0.5),
        level=math.sin(latitude) * math.sin(declination),
        swing=math.cos(latitude) * math.cos(declination),
    )


def sunrise_and_sunset(lat: float, lon: float, noon: float) -> tuple[float, float] | None:
    """Return sunrise and sunset (unix seconds) round the solar noon that is nearest to ``noon``.

    None where the sun does not cross the horizon that day.
    """
    noon -= (noon / DAY_SECONDS + lon / 360) % 1 * DAY_SECONDS - DAY_SECONDS / 2
    sun = sun_position(lat, lon, noon)
    if abs(_HORIZON - sun.level) >= sun.swing:
        return None
    half = math.acos((_HORIZON - sun.level) / sun.swing) / (2 * math.pi) * DAY_SECONDS
    return noon - half, noon + half
