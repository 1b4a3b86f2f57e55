"""The names and functions that alert expressions know, and the kinds of their values."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.language.quantities import KIND_OF_FIELD, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping


class CityFacts(NamedTuple):
    """What expressions know of a city beside its observation. None means unknown."""

    age: float | None = None  # seconds since the observation
    down_for: float | None = None  # seconds since the last successful poll, while polls fail; else 0
    provider_paused: bool | None = None
    latitude: float | None = None  # degrees
    longitude: float | None = None
    altitude: float | None = None  # m
    windows: Mapping[tuple[str, str, float], float | None] = MappingProxyType(
        {}
    )  # by function, field and span in seconds
    warning_severity: int | None = None  # of the most severe official warning in force; -1: there is none


FACT_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "age": Kind.DURATION,
        "down_for": Kind.DURATION,
        "provider_paused": Kind.CONDITION,
        "warning_severity": Kind.SEVERITY,
        "latitude": Kind.ANGLE,
        "longitude": Kind.ANGLE,
        "altitude": Kind.DISTANCE,
    }
)
SEVERITIES: Mapping[str, int] = MappingProxyType({"minor": 1, "moderate": 2, "severe": 3, "extreme": 4})
# Quantities that are computed, with the fields that their formulas take; see weatherd.alerts.weather_formulas
FORMULA_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dew_point": ("temperature", "relative_humidity"),
        "frost_point": ("temperature", "relative_humidity"),
        "wet_bulb": ("temperature", "relative_humidity"),
        "heat_index": ("temperature", "relative_humidity"),
        "wind_chill": ("temperature", "wind_speed"),
    }
)
# The fields that a function over time takes; a direction has no lowest value, and a code is no amount
_AMOUNTS = tuple(
    field for field, kind in KIND_OF_FIELD.items() if kind not in {Kind.TEXT, Kind.ANGLE} and field != "code"
)
FUNCTION_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys(("min", "max", "mean", "change"), _AMOUNTS)
)
RAIN = "rain"
KNOWN_NAMES = (*KIND_OF_FIELD, *FACT_KINDS, *SEVERITIES, *FORMULA_FIELDS)
KNOWN_FUNCTIONS = (*FUNCTION_FIELDS, RAIN)
