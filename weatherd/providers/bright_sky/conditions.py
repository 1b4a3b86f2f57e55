"""Descriptions and WMO codes for Bright Sky's ``condition`` and ``icon``: the service itself sends no text."""

from __future__ import annotations

from bisect import bisect
from types import MappingProxyType

from weatherd import wmo

_PRECIPITATION_CODES = MappingProxyType(  # of light, moderate and heavy
    {"rain": (61, 63, 65), "snow": (71, 73, 75), "sleet": (68, 69, 69)}
)
_INTENSITY_LIMITS = (2.5, 7.6)  # mm per hour: lower limits of moderate and heavy
_OTHER_CODES = MappingProxyType({"fog": 45, "thunderstorm": 95, "hail": None})  # there is no code for hail alone
_CLOUD_LIMITS = (11, 25, 80)  # %: mainly clear, partly cloudy, overcast; the last two as for the icons


def parse_condition(
    condition: str, icon: str, cloud_cover: float | None, precipitation: float | None
) -> tuple[int | None, str]:
    """Return the WMO code, or None if it cannot be known, and the description.

    *cloud_cover* is in %, *precipitation* in mm per hour. The icon is used if the condition is missing or unknown, but
    not ``clear-day`` and ``clear-night``, because the service also sends them if it does not know the cloud cover. See
    https://brightsky.dev/docs/ and ``brightsky/web`` in the service's source code.
    """
    kind = condition if condition in (*_PRECIPITATION_CODES, *_OTHER_CODES) or condition == "dry" else icon
    if kind in _PRECIPITATION_CODES:
        return _PRECIPITATION_CODES[kind][bisect(_INTENSITY_LIMITS, precipitation or 0.0)], kind
    if kind in _OTHER_CODES:
        return _OTHER_CODES[kind], kind
    if cloud_cover is not None:
        code = bisect(_CLOUD_LIMITS, cloud_cover)
        return code, wmo.describe_code(code)
    if icon == "cloudy":
        return 3, wmo.describe_code(3)
    return None, "dry" if condition == "dry" else "unknown"
