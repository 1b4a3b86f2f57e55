"""Bright Sky's ``/weather``: hourly records of the past and, from the present on, forecasts.

After https://brightsky.dev/docs/#/operations/getWeather and the service's source code.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weatherd.simulator.bright_sky import (
    describe_source,
    describe_values,
    find_place_problem,
    find_station,
    read_degrees,
)
from weatherd.simulator.query import Query, RejectedRequestError, StatusAndBody, last_value
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.weather import weather_at

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_REPORT_DELAY = timedelta(minutes=25)  # from the hour to the report of the station
_CURRENT_KEPT = timedelta(hours=48)
_TYPES = ("historical", "current", "forecast")
_NAMES = ("precipitation", "wind_speed", "wind_direction", "wind_gust_speed")  # without the minutes of current_weather


def handle_hours(query: Query, now: datetime, clock: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Return 200 with the records of all full hours from ``date`` to ``last_date``, by default a day later.

    Which of them are forecasts is told by the type of their source only.
    """
    try:
        lat, lon = read_degrees(query, "lat", 90), read_degrees(query, "lon", 180)
        begin = _read_time(query, "date")
        end = _read_time(query, "last_date") if last_value(query, "last_date") else begin + _DAY
    except RejectedRequestError as error:
        return error.status, {"detail": [{"type": "value_error", "loc": ["query"], "msg": str(error)}]}
    if problem := find_place_problem(lat, lon):
        return problem
    station, number = find_station(lat, lon)
    numbers = {kind: number + 10_000_000 * index for index, kind in enumerate(_TYPES, 1)}
    records, used = [], dict[str, str]()
    for hour in _full_hours(begin, end):
        kind = _find_type(hour, now)
        used[kind] = timestamp = hour.isoformat()
        weather = weather_at(lat, lon, clock.weather_time(hour.timestamp()))
        records.append({"source_id": numbers[kind], "timestamp": timestamp, **_of_an_hour(describe_values(weather))})
    sources = [
        describe_source(station, numbers[kind], timestamp) | {"observation_type": kind}
        for kind, timestamp in used.items()
    ]
    return 200, {"weather": records, "sources": sources}


def _read_time(query: Query, name: str) -> datetime:
    """Return a time of the query, in UTC if it has no offset. A plus that was not escaped has become a blank."""
    try:
        time = datetime.fromisoformat(last_value(query, name).replace(" ", "+"))
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise RejectedRequestError(f"Please supply {name} as an ISO 8601 time", 422) from None


def _full_hours(begin: datetime, end: datetime) -> Sequence[datetime]:
    first = begin.replace(minute=0, second=0, microsecond=0)
    first += _HOUR if first < begin else timedelta()
    return [first + index * _HOUR for index in range((end - first) // _HOUR + 1)]


def _find_type(hour: datetime, now: datetime) -> str:
    if hour > now - _REPORT_DELAY:
        return "forecast"
    return "current" if hour > now - _CURRENT_KEPT else "historical"


def _of_an_hour(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with the names of an hourly record."""
    kept = {name: value for name, value in values.items() if not name.endswith(("_10", "_30", "_60"))}
    return kept | {name: values[f"{name}_60"] for name in _NAMES}
