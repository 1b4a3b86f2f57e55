"""The past of Open-Meteo's models, in steps of 15 minutes: the series of which ``current`` is the latest value.

https://open-meteo.com/en/docs. The values come from the latest model runs, so that they may differ a little from those
that ``current`` had at that time.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd import wmo
from weatherd.errors import Failure, ProviderError
from weatherd.observation import Observation
from weatherd.providers.open_meteo.fields import (
    find_number_fields,
    find_precipitation_unit,
    find_temperature_unit,
    parse_open_meteo_time,
)
from weatherd.providers.open_meteo.precipitation import sum_past_hour
from weatherd.providers.values import (
    PRECIPITATION,
    as_mapping,
    parse_integer,
    parse_number,
    parse_numbers,
    parse_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City

_STEP = 900  # seconds
_QUARTERS = 4  # of an hour
_SECTION = "minutely_15"


def build_open_meteo_past_query(
    city: City, variables: Sequence[str], since: datetime, until: datetime
) -> dict[str, str] | None:
    """Return the parameters that request the steps in ``[since, until]``; None if there is none.

    Begin and end are given, because with ``past_minutely_15`` alone the service also sends three days of forecast. They
    exclude all parameters that count days. With ten variables, a request counts as one call whatever its length.
    """
    first, last = -(-since.timestamp() // _STEP) * _STEP, until.timestamp() // _STEP * _STEP
    if first > last:
        return None
    return {
        "latitude": f"{city.lat:.5f}",
        "longitude": f"{city.lon:.5f}",
        _SECTION: ",".join([*variables, "precipitation"]),
        "wind_speed_unit": "ms",
        "timeformat": "unixtime",
        f"start_{_SECTION}": _format_time(first - (_QUARTERS - 1) * _STEP),
        f"end_{_SECTION}": _format_time(last),
    }


def _format_time(posix: float) -> str:
    return f"{datetime.fromtimestamp(posix, UTC):%Y-%m-%dT%H:%M}"


def parse_open_meteo_past(city: City, provider: str, document: Any, fetched_at: datetime) -> list[Observation]:
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
    found: list[Observation] = []
    for index in range(_QUARTERS - 1, len(steps)):
        hour = steps[index - _QUARTERS + 1 : index + 1]
        with contextlib.suppress(ProviderError):  # the models have no values of this step
            found.append(_parse_step(city, provider, hour, units, fetched_at, location.get("utc_offset_seconds")))
    return found


def _parse_step(  # noqa: PLR0917
    city: City,
    provider: str,
    hour: Sequence[Mapping[str, Any]],
    units: Mapping[str, Any],
    fetched_at: datetime,
    utc_offset: Any,
) -> Observation:
    """Return the observation of the last step of an hour. Raises ProviderError without its time or temperature."""
    values = hour[-1]
    apparent, humidity, pressure, speed, direction, gust, clouds = parse_numbers(values, find_number_fields(units))
    code, factor = parse_integer(values.get("weather_code")), find_precipitation_unit(units)
    amounts = [parse_number(step.get("precipitation"), PRECIPITATION, factor) for step in hour]
    return Observation(
        city=city.id,
        provider=provider,
        observed_at=parse_open_meteo_time(values["time"], utc_offset),
        fetched_at=fetched_at,
        temperature=parse_temperature(values.get("temperature_2m"), *find_temperature_unit(units)),
        description=wmo.describe_code(code),
        code=code,
        apparent_temperature=apparent,
        relative_humidity=humidity,
        pressure_msl=pressure,
        wind_speed=speed,
        wind_direction=direction,
        wind_gust=gust,
        precipitation=sum_past_hour([step["time"] for step in hour], amounts, values["time"]),
        cloud_cover=clouds,
    )
