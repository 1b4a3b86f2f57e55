"""Words and codes for Bright Sky's ``condition`` and ``icon``: the service has no text of its own."""

from __future__ import annotations

from bisect import bisect
from types import MappingProxyType
from typing import Any

from weatherd import wmo

_FALLING = MappingProxyType({"rain": (61, 63, 65), "snow": (71, 73, 75), "sleet": (68, 69, 69)})
_HEAVIER = (2.5, 7.6)  # mm an hour: moderate from the first on, heavy from the second
_OTHERS = MappingProxyType({"fog": 45, "thunderstorm": 95, "hail": None})  # hail alone has no code among ours
_COVERED = (11, 25, 80)  # %: mainly clear, partly cloudy, overcast; the latter two as the service's icons


def parse_condition(condition: Any, icon: Any, cover: float | None, fall: float | None) -> tuple[int | None, str]:
    """Return the WMO code, as far as it can be known, and the words.

    The icon counts where the condition is missing. When the clouds are not known the service shows a clear sky; that
    is not believed. See https://brightsky.dev/docs/ and the service's source, ``brightsky/web``.
    """
    kind = condition if condition in (*_FALLING, *_OTHERS) or condition == "dry" else icon
    if kind in _FALLING:
        return _FALLING[kind][bisect(_HEAVIER, fall or 0.0)], str(kind)
    if kind in _OTHERS:
        return _OTHERS[kind], str(kind)
    if cover is not None:
        code = bisect(_COVERED, cover)
        return code, wmo.describe_code(code)
    if icon == "cloudy":
        return 3, wmo.describe_code(3)
    return None, "dry" if condition == "dry" else "unknown"
