"""MET Norway's weather symbols, as words and as WMO codes. https://github.com/metno/weathericons."""

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
_CODES = {  # light, as it is, heavy
    "rain": (61, 63, 65),
    "sleet": (68, 69, 69),
    "snow": (71, 73, 75),
    "rainshowers": (80, 81, 82),
    "sleetshowers": (83, 84, 84),
    "snowshowers": (85, 86, 86),
}
_THUNDER = 95


def _falling() -> dict[str, tuple[int, str]]:
    """Make the symbols of what falls: of each strength, as showers, and with thunder."""
    symbols = {}
    for kind, codes in _CODES.items():
        for strength, code in zip(("light", "", "heavy"), codes, strict=True):
            name = f"{strength}{kind}"
            text = f"{strength} {kind.replace('showers', ' showers')}".strip()
            symbols[name] = code, text
            symbols[f"{name}andthunder"] = _THUNDER, f"{text} and thunder"
    return symbols


SYMBOLS = MappingProxyType(_SKIES | _falling())
_MISSPELT = "lightss"  # of two symbols; the service keeps it for those who rely on it


def parse_symbol(symbol: str) -> tuple[int | None, str]:
    """Return the code and the words of a symbol with or without its variant; (None, "unknown") for no symbol."""
    for variant in _VARIANTS:
        symbol = symbol.removesuffix(variant)
    if symbol.startswith(_MISSPELT):
        symbol = symbol.replace(_MISSPELT, "lights", 1)
    return SYMBOLS.get(symbol, (None, "unknown"))
