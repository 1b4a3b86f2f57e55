"""The National Weather Service's quantities: a value, its unit, and whether it passed quality control."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from weatherd.providers.values import as_mapping, parse_number

# To °C, m/s, hPa, m and %, each as factor and offset. Units have changed under the same name, so they are always read.
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
_REJECTED = ("X", "Q")  # https://madis.ncep.noaa.gov/madis_sfc_qc_notes.shtml: rejected, questioned


def parse_quantity(value: Any, low: float, high: float, *, length: str = "m") -> float | None:
    """Return a quantity from *low* to *high* in weatherd's unit, or None; lengths in m unless *length* is ``mm``."""
    document = as_mapping(value)
    if str(document.get("qualityControl")).rpartition(":")[2] in _REJECTED:
        return None
    unit = _UNITS.get(str(document.get("unitCode")).rpartition(":")[2])
    if unit is None:
        return None
    factor, offset = unit
    return parse_number(_plain(document.get("value")), low, high, factor * (1000 if length == "mm" else 1), offset)


def _plain(value: Any) -> Any:
    """Return a number that was sent as text; it may be infinite or none, which is in no bounds."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return None
