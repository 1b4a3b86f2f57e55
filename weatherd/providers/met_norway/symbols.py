"""Descriptions and WMO codes of MET Norway's weather symbols. https://github.com/metno/weathericons."""

from __future__ import annotations

from types import MappingProxyType

_VARIANTS = ("_day", "_night", "_polartwilight")
_SKIES = {
    "clearsky": (0, "clear sky"),
    "fair": (1, "fair"),
    "partlycloudy": (2, "partly cloudy"),
    "cloudy": (3, "cloudy"),
    "fog": (45, "fog"),
}
_PRECIPITATION_CODES = {  # light, moderate, heavy
    "rain": (61, 63, 65),
    "sleet": (68, 69, 69),
    "snow": (71, 73, 75),
    "rainshowers": (80, 81, 82),
    "sleetshowers": (83, 84, 84),
    "snowshowers": (85, 86, 86),
}
_THUNDER = 95


def _precipitation_symbols() -> dict[str, tuple[int, str]]:
    """Return the code and description of each kind of precipitation in each strength, with and without thunder."""
    symbols = {}
    for kind, codes in _PRECIPITATION_CODES.items():
        for strength, code in zip(("light", "", "heavy"), codes, strict=True):
            name = f"{strength}{kind}"
            text = f"{strength} {kind.replace('showers', ' showers')}".strip()
            symbols[name] = code, text
            symbols[f"{name}andthunder"] = _THUNDER, f"{text} and thunder"
    return symbols


SYMBOLS = MappingProxyType(_SKIES | _precipitation_symbols())
_MISSPELT = "lightss"  # the beginning of two symbols; the service keeps the error for compatibility


def parse_symbol(symbol: str) -> tuple[int | None, str]:
    """Return the WMO code and the description of a symbol, which may have a variant such as ``_night``.

    They are None and "unknown" for anything that is not a symbol.
    """
    for variant in _VARIANTS:
        symbol = symbol.removesuffix(variant)
    if symbol.startswith(_MISSPELT):
        symbol = symbol.replace(_MISSPELT, "lights", 1)
    return SYMBOLS.get(symbol, (None, "unknown"))
