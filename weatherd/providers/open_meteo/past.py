"""The past of Open-Meteo's models, in steps of 15 minutes: the series of which ``current`` is the latest value.

https://open-meteo.com/en/docs. The values come from the latest model runs, so that they may differ a little from those
that ``current`` had at that time.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.providers.open_meteo.precipitation import QUARTERS, find_precipitation_unit, sum_past_hour
from weatherd.providers.open_meteo.record import parse_open_meteo_record
from weatherd.providers.values import PRECIPITATION, as_mapping, parse_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City
    from weatherd.observation import Observation

_STEP = 900  # seconds
_SECTION = "minutely_15"


def build_open_meteo_past_query(variables: Sequence[str], since: datetime, until: datetime) -> dict[str, str] | None:
    """Return the parameters that request the steps in ``[since, until]`` of any place; None if there is none.

    Begin and end are given, because with ``past_minutely_15`` alone the service also sends three days of forecast. They
    exclude all parameters that count days. With ten variables, each city counts as one call whatever the length.
    """
    first, last = -(-since.timestamp() // _STEP) * _STEP, until.timestamp() // _STEP * _STEP
    if first > last:
        return None
    return {
        _SECTION: ",".join([*variables, "precipitation"]),
        "wind_speed_unit": "ms",
        "timeformat": "unixtime",
        f"start_{_SECTION}": _format_time(first - (QUARTERS - 1) * _STEP),
        f"end_{_SECTION}": _format_time(last),
    }


def build_open_meteo_places(cities: Sequence[City]) -> dict[str, str]:
    """Return the parameters that request the places of *cities*."""
    return {
        "latitude": ",".join(f"{city.lat:.5f}" for city in cities),
        "longitude": ",".join(f"{city.lon:.5f}" for city in cities),
    }


def _format_time(posix: float) -> str:
    return f"{datetime.fromtimestamp(posix, UTC):%Y-%m-%dT%H:%M}"


def parse_open_meteo_past(city: City, document: Any, fetched_at: datetime) -> list[Observation]:
    """Return the observations in a response; a step without a temperature has none.

    The first three steps are only part of the precipitation of the next ones. Raises ProviderError if it has no steps.
    """
    location = as_mapping(document)
    section, units = as_mapping(location.get(_SECTION)), as_mapping(location.get(f"{_SECTION}_units"))
    times = section.get("time")
    if not isinstance(times, list):
        raise ProviderError("the response has no past weather", Failure.MALFORMED)
    columns = {
        name: column for name, column in section.items() if isinstance(column, list) and len(column) == len(times)
    }
    steps = [{name: column[index] for name, column in columns.items()} for index in range(len(times))]
    factor, utc_offset = find_precipitation_unit(units), location.get("utc_offset_seconds")
    amounts = [parse_number(step.get("precipitation"), PRECIPITATION, factor) for step in steps]
    found: list[Observation] = []
    for end in range(QUARTERS, len(steps) + 1):
        hour = slice(end - QUARTERS, end)
        rain = sum_past_hour(times[hour], amounts[hour], times[end - 1])
        with contextlib.suppress(ProviderError):  # the models have no values of this step
            found.append(parse_open_meteo_record(city, steps[end - 1], units, utc_offset, rain, fetched_at))
    return found
