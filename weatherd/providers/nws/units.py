"""Quantities of the National Weather Service: a value, its unit, and the result of quality control."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from weatherd.providers.values import as_mapping, parse_number

# Factor and offset to °C, m/s, hPa, m and %. The unit is read each time, because the service has changed units before.
_UNITS = MappingProxyType(
    {
        "degC": (1.0, 0.0),
        "degF": (5 / 9, -160 / 9),
        "K": (1.0, -273.15),
        "km_h-1": (1 / 3.6, 0.0),
        "m_s-1": (1.0, 0.0),
        **dict.fromkeys(("kt", "knots"), (1852 / 3600, 0.0)),
        "Pa": (0.01, 0.0),
        "hPa": (1.0, 0.0),
        "m": (1.0, 0.0),
        "mm": (0.001, 0.0),
        "km": (1000.0, 0.0),
        "ft": (0.3048, 0.0),
        "mi": (1609.344, 0.0),
        "percent": (1.0, 0.0),
        "degree_(angle)": (1.0, 0.0),
    }
)
_FAILED_CONTROL = ("X", "Q")  # rejected, questioned; see https://madis.ncep.noaa.gov/madis_sfc_qc_notes.shtml


def parse_quantity(value: Any, low: float, high: float, *, length: str = "m") -> float | None:
    """Return a quantity from *low* to *high*, or None, in °C, m/s, hPa, % or the unit of *length*: ``m`` or ``mm``."""
    document = as_mapping(value)
    if str(document.get("qualityControl")).rpartition(":")[2] in _FAILED_CONTROL:
        return None
    unit = _UNITS.get(str(document.get("unitCode")).rpartition(":")[2])
    if unit is None:
        return None
    factor, offset = unit
    return parse_number(
        _text_to_number(document.get("value")), (low, high), factor * (1000 if length == "mm" else 1), offset
    )


def _text_to_number(value: Any) -> Any:
    """Return *value*, or the number in it if it is a text; NaN and infinity are outside all bounds."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return None
