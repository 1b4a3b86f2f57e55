"""Quantities of the National Weather Service: a value, its unit, and the result of quality control."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from weatherd.providers.kit.numbers import (
    BASE,
    FAHRENHEIT,
    FEET,
    KELVIN,
    KILOMETERS_PER_HOUR,
    KNOTS,
    MILES,
    ServiceUnit,
)
from weatherd.providers.values import as_mapping, parse_number

# To °C, m/s, hPa, m and %. The unit is read each time, because the service has changed units before.
_UNITS = MappingProxyType(
    {
        **dict.fromkeys(("degC", "m_s-1", "hPa", "m", "percent", "degree_(angle)"), BASE),
        "degF": FAHRENHEIT,
        "K": KELVIN,
        "km_h-1": KILOMETERS_PER_HOUR,
        **dict.fromkeys(("kt", "knots"), KNOTS),
        "Pa": ServiceUnit(0.01),
        "mm": ServiceUnit(0.001),
        "km": ServiceUnit(1000.0),
        "ft": FEET,
        "mi": MILES,
    }
)
MILLIMETERS = ServiceUnit(1000.0)  # of a quantity in m
_FAILED_CONTROL = ("X", "Q")  # rejected, questioned; see https://madis.ncep.noaa.gov/madis_sfc_qc_notes.shtml


def parse_quantity(value: Any, bounds: tuple[float, float], factor: float = 1.0, offset: float = 0.0) -> float | None:
    """Return a quantity in °C, m/s, hPa, %, m or degrees, times *factor* plus *offset*, or None outside *bounds*."""
    document = as_mapping(value)
    unit = _UNITS.get(str(document.get("unitCode")).rpartition(":")[2])
    if unit is None or str(document.get("qualityControl")).rpartition(":")[2] in _FAILED_CONTROL:
        return None
    number = document.get("value")
    if isinstance(number, str):  # NaN and infinity are outside all bounds
        try:
            number = float(number)
        except ValueError:
            return None
    return parse_number(number, bounds, unit.factor * factor, unit.offset + offset)
