"""MET Norway's symbol codes, in the service's own spelling (https://api.met.no/weatherapi/weathericon/2.0)."""

from __future__ import annotations

from types import MappingProxyType

_SYMBOLS = MappingProxyType(
    {
        0: "clearsky",
        1: "fair",
        2: "partlycloudy",
        3: "cloudy",
        45: "fog",
        48: "fog",
        **dict.fromkeys((51, 53, 55, 61), "lightrain"),
        63: "rain",
        65: "heavyrain",
        **dict.fromkeys((56, 66), "lightsleet"),
        **dict.fromkeys((57, 67), "sleet"),
        **dict.fromkeys((71, 77), "lightsnow"),
        73: "snow",
        75: "heavysnow",
        80: "lightrainshowers",
        81: "rainshowers",
        82: "heavyrainshowers",
        85: "lightsnowshowers",
        86: "heavysnowshowers",
        95: "lightrainshowersandthunder",
        96: "rainshowersandthunder",
        99: "heavyrainshowersandthunder",
    }
)
_WITH_DAY_AND_NIGHT = ("clearsky", "fair", "partlycloudy")


def symbol_code(code: int, *, is_day: bool) -> str:
    """Return the symbol code of a WMO code. Symbols that show the sun or the moon have a suffix for day or night."""
    name = _SYMBOLS[code]
    return f"{name}_{'day' if is_day else 'night'}" if name in _WITH_DAY_AND_NIGHT or "showers" in name else name
