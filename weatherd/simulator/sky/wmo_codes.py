"""Which WMO code a sky deserves: the one word on it that both services tell.

The thresholds are Open-Meteo's: mm of water an hour for rain and drizzle, cm an hour for snow, and those of
OpenWeatherMap's cloud classes for the sky without precipitation, so that both services agree on every sky.
"""

from __future__ import annotations

from bisect import bisect

DRIZZLE_BELOW = 1.3  # mm/h


def _step(value: float, limits: tuple[float, ...], codes: tuple[int, ...]) -> int:
    return codes[bisect(limits, value)]


def cloud_code(cover: float) -> int:
    """Code a dry sky by its cloud cover in %."""
    return _step(cover, (11, 25.5, 84.5), (0, 1, 2, 3))


def fog_code(temperature: float) -> int:
    """Code fog, which leaves rime in the cold."""
    return 48 if temperature < -0.5 else 45


def rain_code(rate: float, *, freezing: bool) -> int:
    """Code steady rain or drizzle by its rate in mm/h."""
    if freezing:
        return _step(rate, (0.5, DRIZZLE_BELOW, 2.5), (56, 57, 66, 67))
    return _step(rate, (0.5, 1.0, DRIZZLE_BELOW, 2.5, 7.6), (51, 53, 55, 61, 63, 65))


def snow_code(depth_rate: float, *, grains: bool) -> int:
    """Code steady snow by its rate in cm/h."""
    return 77 if grains else _step(depth_rate, (0.2, 0.8), (71, 73, 75))


def rain_shower_code(rate: float) -> int:
    """Code showers of rain by their rate in mm/h."""
    return _step(rate, (2.5, 7.6), (80, 81, 82))


def snow_shower_code(depth_rate: float) -> int:
    """Code showers of snow by their rate in cm/h."""
    return _step(depth_rate, (0.8,), (85, 86))


def thunder_code(violence: float) -> int:
    """Code a thunderstorm by its violence from 0 to 1: without hail, with slight, with heavy hail."""
    return _step(violence, (0.6, 0.85), (95, 96, 99))
