"""WMO 4677 codes of the simulated weather.

The thresholds for precipitation are Open-Meteo's (mm/h of water for rain and drizzle, cm/h for snow). Those for clouds
are OpenWeatherMap's cloud classes, because then both services report the same weather.
"""

from __future__ import annotations

from bisect import bisect

DRIZZLE_BELOW = 1.3  # mm/h


def _code_for(value: float, limits: tuple[float, ...], codes: tuple[int, ...]) -> int:
    return codes[bisect(limits, value)]


def cloud_code(cover: float) -> int:
    """Return the code of a dry sky by its cloud cover in %."""
    return _code_for(cover, (11, 25.5, 84.5), (0, 1, 2, 3))


def fog_code(temperature: float) -> int:
    """Return the code of fog, which deposits rime in frost."""
    return 48 if temperature < -0.5 else 45


def rain_code(rate: float, *, freezing: bool) -> int:
    """Return the code of continuous rain or drizzle by its rate in mm/h."""
    if freezing:
        return _code_for(rate, (0.5, DRIZZLE_BELOW, 2.5), (56, 57, 66, 67))
    return _code_for(rate, (0.5, 1.0, DRIZZLE_BELOW, 2.5, 7.6), (51, 53, 55, 61, 63, 65))


def snow_code(depth_rate: float, *, grains: bool) -> int:
    """Return the code of continuous snow by its rate in cm/h."""
    return 77 if grains else _code_for(depth_rate, (0.2, 0.8), (71, 73, 75))


def rain_shower_code(rate: float) -> int:
    """Return the code of rain showers by their rate in mm/h."""
    return _code_for(rate, (2.5, 7.6), (80, 81, 82))


def snow_shower_code(depth_rate: float) -> int:
    """Return the code of snow showers by their rate in cm/h."""
    return _code_for(depth_rate, (0.8,), (85, 86))


def thunder_code(intensity: float) -> int:
    """Return the code of a thunderstorm by its intensity, 0 to 1: without, with slight, with heavy hail."""
    return _code_for(intensity, (0.6, 0.85), (95, 96, 99))
