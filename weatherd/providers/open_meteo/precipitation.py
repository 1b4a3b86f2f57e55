"""The precipitation of the past hour, from Open-Meteo's sums over 15 minutes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.providers.values import PRECIPITATION, ROUNDED, as_mapping, parse_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUARTERS = 4  # of an hour
# The section minutely_15 with the four quarters of an hour up to the time of the section ``current``
PAST_HOUR_QUERY = {"minutely_15": "precipitation", "past_minutely_15": "3", "forecast_minutely_15": "1"}
_TO_MILLIMETERS = MappingProxyType({"mm": 1.0, "inch": 25.4})


def find_precipitation_unit(units: Mapping[str, Any]) -> float:
    """Return the factor that converts the precipitation of a section to mm."""
    return _TO_MILLIMETERS.get(str(units.get("precipitation")), 1.0)


def parse_past_hour(location: Mapping[str, Any], end: Any) -> float | None:
    """Return the precipitation in mm of the hour before *end*, or None if it is not in the response."""
    quarters, units = as_mapping(location.get("minutely_15")), as_mapping(location.get("minutely_15_units"))
    times, amounts = quarters.get("time"), quarters.get("precipitation")
    if not isinstance(times, list) or not isinstance(amounts, list):
        return None
    factor = find_precipitation_unit(units)
    return sum_past_hour(times, [parse_number(amount, PRECIPITATION, factor) for amount in amounts], end)


def sum_past_hour(times: Sequence[Any], amounts: Sequence[float | None], end: Any) -> float | None:
    """Return the sum of the amounts of the four quarters up to *end*, or None if one of them is not known.

    An amount is the sum of the 15 minutes before its time. For example, those at 12:00, 12:15, 12:30 and 12:45 are the
    precipitation from 11:45 to 12:45. *times* are in ascending order and in the same form as *end*.
    """
    try:
        last = times.index(end) + 1
    except ValueError:
        return None
    quarters = amounts[last - QUARTERS : last] if last >= QUARTERS else ()
    if len(quarters) < QUARTERS or None in quarters:
        return None
    total: float = ROUNDED[sum(quarters)]  # type: ignore[arg-type]  # without None
    return total if total <= PRECIPITATION[1] else None
