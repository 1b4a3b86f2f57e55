"""Rows of ``weatherd export`` as observations: the exact inverse of what it writes, if that is possible on Earth."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from weatherd.city import ID_PATTERN
from weatherd.cli.importing.source_rows import FieldError
from weatherd.cli.importing.value_limits import FIRST_TIME, MAX_CODE, MAX_LEAD, QUANTITY_BOUNDS
from weatherd.formatting import format_rfc3339
from weatherd.observation import FIELDS, OK, ORIGINS, SERVICES, SUSPECT, Observation
from weatherd.pipeline.quality.suspicion import CONSISTENCY, PERSISTENCE, RANGE, STEP
from weatherd.providers.values import ROUNDED
from weatherd.text.units import UNITS, convert_back, convert_value, format_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weatherd.text.units import ReaderUnits

_DEFAULTS = Observation._field_defaults
REQUIRED = tuple(name for name in FIELDS if name not in _DEFAULTS)  # an older export lacks some of the others
_TIMES = ("observed_at", "fetched_at")
_TESTS = (RANGE, STEP, PERSISTENCE, CONSISTENCY, SERVICES)
_SUSPICIONS = {f"{name} {test}" for name in QUANTITY_BOUNDS for test in _TESTS}
_is_id = re.compile(ID_PATTERN).match


def parse_exported(values: Mapping[str, Any], now: datetime, units: ReaderUnits = "metric") -> Observation:
    """Return the observation in a row of an export, whose values are in *units*. Raises FieldError.

    The values of CSV are texts; an empty one is a missing value.
    """
    parsed = {name: _parse_field(name, values.get(name)) for name in FIELDS}
    for name in _TIMES:
        if parsed[name] > now + MAX_LEAD:
            raise FieldError(name, f"{name} {format_rfc3339(parsed[name])} is in the future: is the clock right?")
        if parsed[name] < FIRST_TIME:
            raise FieldError(name, f"{name} {format_rfc3339(parsed[name])} is before 1900")
    for name in QUANTITY_BOUNDS:
        if parsed[name] is not None:
            parsed[name] = _convert_quantity(name, parsed[name], units)
    return Observation(**parsed)


def _convert_quantity(name: str, value: float, units: ReaderUnits) -> float:
    """Return a quantity of an export in weatherd's own unit. Raises FieldError if it is out of bounds."""
    unit, (low, high) = UNITS[units][name], QUANTITY_BOUNDS[name]
    if not _is_within_bounds(name, value, units):
        rule = f"should be from {format_quantity(low, unit)} to {format_quantity(high, unit)}"
        raise FieldError(name, f"{name} {rule}, not '{value}'{_suggest_units(name, value, units)}")
    if unit == UNITS["metric"][name]:
        return value
    converted: float = ROUNDED[convert_back(value, unit)]
    return min(max(converted, low), high)


def _suggest_units(name: str, value: float, units: ReaderUnits) -> str:
    """Return a hint at the other units in which a quantity would be possible; "" if there are none."""
    current = UNITS[units][name]
    fitting = [system for system in UNITS if UNITS[system][name] != current and _is_within_bounds(name, value, system)]
    return f": was it exported with --units {' or '.join(fitting)}? Then pass that to import" if fitting else ""


def _is_within_bounds(name: str, value: float, units: ReaderUnits) -> bool:
    low, high = _round_bounds(name, units)
    return low <= value <= high


@functools.cache
def _round_bounds(name: str, units: ReaderUnits) -> tuple[float, float]:
    """Return the bounds of a quantity in *units*, rounded as the values of an export are."""
    unit, (low, high) = UNITS[units][name], QUANTITY_BOUNDS[name]
    return round(convert_value(low, unit), unit.digits), round(convert_value(high, unit), unit.digits)


def _parse_field(name: str, value: Any) -> Any:
    if value is None or value == "":
        if name in _DEFAULTS:
            return _DEFAULTS[name]
        raise FieldError(name, f"has no {name}")
    try:
        return _PARSERS[name](value)
    except (ValueError, TypeError, OverflowError):
        raise FieldError(name, f"{name} {_RULES.get(name, 'should be a number')}, not {str(value)[:40]!r}") from None


def _parse_number(value: Any) -> float:
    if isinstance(value, bool) or not isfinite(number := float(value)):
        raise ValueError
    return number


def _parse_code(value: Any) -> int:
    number = _parse_number(value)
    if number != int(number) or not 0 <= number <= MAX_CODE:
        raise ValueError
    return int(number)


def _parse_time(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError
    return time.astimezone(UTC)


def _parse_text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError
    return value


def _parse_city(value: Any) -> str:
    if not _is_id(value):
        raise ValueError
    return str(value)


def _parse_quality(value: Any) -> str:
    if not isinstance(value, str) or not (value == OK or value.startswith(SUSPECT)):
        raise ValueError
    if value != OK and not _SUSPICIONS.issuperset(value.removeprefix(SUSPECT).split(", ")):
        raise ValueError
    return value


def _parse_origin(value: Any) -> str:
    if value not in ORIGINS:
        raise ValueError
    return str(value)


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(FIELDS, _parse_number),
    "city": _parse_city,
    "observed_at": _parse_time,
    "fetched_at": _parse_time,
    "code": _parse_code,
    "origin": _parse_origin,
    "quality": _parse_quality,
    **dict.fromkeys(("provider", "description", "station"), _parse_text),
}
_RULES: Mapping[str, str] = {
    "city": "should be an id such as sao-paulo",
    **dict.fromkeys(_TIMES, "should be a time with a time zone such as 2026-01-31T12:00:00Z"),
    "code": f"should be a whole number from 0 to {MAX_CODE}",
    "origin": f"should be one of {', '.join(ORIGINS)}",
    "quality": f"should be {OK}, or such as {SUSPECT}temperature step",
    **dict.fromkeys(("provider", "description", "station"), "should be one line of printable text"),
}
