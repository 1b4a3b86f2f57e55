"""The precipitation of the past hour, from Open-Meteo's sums over 15 minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.providers.values import PRECIPITATION, ROUNDED

if TYPE_CHECKING:
    from collections.abc import Sequence

QUARTERS = 4  # of an hour
# The section minutely_15 with the four quarters of an hour up to the time of the section ``current``
PAST_HOUR_QUERY = {"minutely_15": "precipitation", "past_minutely_15": "3", "forecast_minutely_15": "1"}


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
