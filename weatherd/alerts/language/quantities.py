"""Kinds of values in alert expressions, and numbers with units."""

from __future__ import annotations

import re
from enum import Enum
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.language.grammar import ExpressionError
from weatherd.text.duration import parse_duration
from weatherd.text.suggestions import did_you_mean
from weatherd.text.units import WRITTEN_UNITS, convert_back

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """The kind of a value: only values of one kind are compared or added. The values are for messages."""

    CONDITION = "a condition"
    TEXT = "a text"
    NUMBER = "a plain number"
    TEMPERATURE = "a temperature"  # °C
    TEMPERATURE_CHANGE = "a difference of temperatures"  # K
    SPEED = "a speed"  # m/s
    PRESSURE = "a pressure"  # hPa
    RAIN = "an amount of rain"  # mm
    PERCENTAGE = "a percentage"
    ANGLE = "an angle"  # degrees
    DISTANCE = "a distance"  # m
    DURATION = "a length of time"  # seconds
    SEVERITY = "a severity of official warnings"  # 0 to 4, as the Common Alerting Protocol orders them; -1: no warning


KIND_OF_FIELD: Mapping[str, Kind] = MappingProxyType(
    {
        "temperature": Kind.TEMPERATURE,
        "apparent_temperature": Kind.TEMPERATURE,
        "relative_humidity": Kind.PERCENTAGE,
        "cloud_cover": Kind.PERCENTAGE,
        "pressure_msl": Kind.PRESSURE,
        "wind_speed": Kind.SPEED,
        "wind_gust": Kind.SPEED,
        "wind_direction": Kind.ANGLE,
        "precipitation": Kind.RAIN,
        "visibility": Kind.DISTANCE,
        "code": Kind.NUMBER,
        "provider": Kind.TEXT,
        "station": Kind.TEXT,
        "quality": Kind.TEXT,
    }
)
_NUMERIC = tuple(kind for kind in Kind if kind not in {Kind.CONDITION, Kind.TEXT, Kind.SEVERITY})
_DURATION_UNITS = ("s", "m", "h", "d")
_split = re.compile(r"([0-9.]+)\s*(.*)", re.DOTALL).fullmatch


class Quantity(NamedTuple):
    """A number and its unit as they are written; what it measures depends on what it is compared with.

    ``5 m`` are five meters or five minutes, ``9 F`` is a temperature of -12.8 °C or a difference of 5 K, and a number
    without a unit is in the unit of the other side.
    """

    number: float
    unit: str = ""
    duration: float | None = None  # seconds, if it can be a length of time

    def kinds(self) -> Mapping[Kind, float]:
        """Return the value for each kind that it can have, in weatherd's own units; the usual kind is first."""
        if not self.unit:
            return dict.fromkeys(_NUMERIC, self.number)
        values: dict[Kind, float] = {}
        if self.unit in WRITTEN_UNITS:
            field, unit = WRITTEN_UNITS[self.unit]
            values[KIND_OF_FIELD[field]] = convert_back(self.number, unit)
            if field == "temperature":
                values[Kind.TEMPERATURE_CHANGE] = self.number / unit.factor
        if self.duration is not None:
            values[Kind.DURATION] = self.duration
        return values

    def negate(self) -> Quantity:
        """Return the quantity with a minus before it: -5 °F, which is not minus the temperature of 5 °F."""
        return Quantity(-self.number, self.unit, None if self.duration is None else -self.duration)


def read_quantity(text: str, column: int) -> Quantity:
    """Parse a number with or without a unit: ``28 F``, ``50 km/h``, ``1h30m``. Raises ExpressionError."""
    match = _split(text)
    number, unit = (match[1], match[2].replace(" ", "")) if match else (text, "")
    if not isfinite(float(number)):
        raise ExpressionError("has a number that is too large", column)
    if not unit or (unit in WRITTEN_UNITS and unit not in _DURATION_UNITS):
        return Quantity(float(number), unit)
    try:
        return Quantity(float(number), unit, parse_duration(number + unit))
    except ValueError as error:
        if unit in _DURATION_UNITS:
            raise ExpressionError(f"has a length of time that {error}", column) from None
    known = (*WRITTEN_UNITS, *_DURATION_UNITS)
    names = ", ".join(name for name in dict.fromkeys(known) if name not in {"C", "F"})
    raise ExpressionError(f"has the unknown unit {unit!r}{did_you_mean(unit, known)}; the units are {names}", column)
