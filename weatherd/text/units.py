"""The units in which people read an observation's values. Programs get weatherd's own units, the metric ones here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

ReaderUnits = Literal["metric", "us", "uk"]


class DisplayUnit(NamedTuple):
    """A unit of a system, and the way to it from weatherd's own: ``value * factor + offset``."""

    symbol: str
    digits: int  # after the point, about as many as the values are exact to
    factor: float = 1.0
    offset: float = 0.0


_CELSIUS, _FAHRENHEIT = DisplayUnit("°C", 1), DisplayUnit("°F", 1, 1.8, 32.0)
_MILES_AN_HOUR = DisplayUnit("mph", 1, 1 / 0.44704)
_MILES = DisplayUnit("mi", 1, 1 / 1609.344)
_METRIC = {
    "temperature": _CELSIUS,
    "apparent_temperature": _CELSIUS,
    "relative_humidity": DisplayUnit("%", 0),
    "pressure_msl": DisplayUnit("hPa", 1),
    "wind_speed": DisplayUnit("m/s", 1),
    "wind_direction": DisplayUnit("°", 0),
    "wind_gust": DisplayUnit("m/s", 1),
    "precipitation": DisplayUnit("mm", 1),
    "cloud_cover": DisplayUnit("%", 0),
    "visibility": DisplayUnit("m", 0),
}
_UK = _METRIC | {"wind_speed": _MILES_AN_HOUR, "wind_gust": _MILES_AN_HOUR, "visibility": _MILES}
_US = _UK | {
    "temperature": _FAHRENHEIT,
    "apparent_temperature": _FAHRENHEIT,
    "pressure_msl": DisplayUnit("inHg", 2, 1 / 33.863886667),
    "precipitation": DisplayUnit("in", 2, 1 / 25.4),
}
# The unit of each field of an observation that is a quantity, by system
UNITS: Mapping[ReaderUnits, Mapping[str, DisplayUnit]] = MappingProxyType({"metric": _METRIC, "us": _US, "uk": _UK})

# The units that an author may write beside a number, with a field of an observation that has this kind of quantity
WRITTEN_UNITS: Mapping[str, tuple[str, DisplayUnit]] = MappingProxyType(
    dict.fromkeys(("°C", "C"), ("temperature", _CELSIUS))
    | dict.fromkeys(("°F", "F"), ("temperature", _FAHRENHEIT))
    | {
        "m/s": ("wind_speed", _METRIC["wind_speed"]),
        "km/h": ("wind_speed", DisplayUnit("km/h", 0, 3.6)),
        "mph": ("wind_speed", _MILES_AN_HOUR),
        "kn": ("wind_speed", DisplayUnit("kn", 0, 3600 / 1852)),
        "hPa": ("pressure_msl", _METRIC["pressure_msl"]),
        "inHg": ("pressure_msl", _US["pressure_msl"]),
        "mm": ("precipitation", _METRIC["precipitation"]),
        "in": ("precipitation", _US["precipitation"]),
        "%": ("relative_humidity", _METRIC["relative_humidity"]),
        "°": ("wind_direction", _METRIC["wind_direction"]),
        "m": ("visibility", _METRIC["visibility"]),
        "km": ("visibility", DisplayUnit("km", 1, 0.001)),
        "mi": ("visibility", _MILES),
    }
)


def convert_value(value: float, unit: DisplayUnit) -> float:
    """Return a value of weatherd's own unit in another one, not rounded."""
    return value * unit.factor + unit.offset


def convert_back(value: float, unit: DisplayUnit) -> float:
    """Return a value of *unit* in weatherd's own unit, not rounded: -40.0 for -40 °F."""
    return (value - unit.offset) / unit.factor


def format_quantity(value: float | None, unit: DisplayUnit, digits: int | None = None) -> str:
    """Format a value of weatherd's own unit in another one: ``42.8 °F`` for 6.0 °C; a dash for None.

    *digits* after the point override those of the unit.
    """
    return (
        "–"
        if value is None
        else f"{convert_value(value, unit):z.{unit.digits if digits is None else digits}f} {unit.symbol}"
    )
