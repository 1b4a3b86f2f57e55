"""The days of cities as rows for programs, in metric units and UTC."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from weatherd.cli.history.days import to_datetime
from weatherd.cli.lookup import RecordedCity
from weatherd.formatting import format_rfc3339
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from weatherd.cli.exporting.parquet_file import ParquetType
    from weatherd.cli.history.sources import HistorySource
    from weatherd.config.loader import Configuration

_BEGIN = date(1900, 1, 1)
_TIMES = {"low_at": "low_at", "high_at": "high_at", "first": "first_at", "last": "last_at"}
DAY_COLUMNS: dict[str, ParquetType] = {
    "city": "text",
    "name": "text",
    "date": "date",
    "low": "number",
    "low_at": "time",
    "mean": "number",
    "high": "number",
    "high_at": "time",
    "rain": "number",
    "gust": "number",
    "hours": "number",
    "observations": "integer",
    "first": "time",
    "last": "time",
    "providers": "text",
}


def list_recorded_cities(configuration: Configuration, reader: HistorySource) -> list[RecordedCity]:
    """Return all cities of the journal; those that are not listed any more have their id as name."""
    listed = {city.id: city for city in configuration.cities}
    found = []
    for city_id in reader.list_cities():
        city = listed.get(city_id)
        zone = load_zone(city.timezone if city else configuration.settings.timezone)
        found.append(RecordedCity(city_id, city.name if city else city_id, zone))
    return found


def iterate_days(
    reader: HistorySource, cities: Iterable[RecordedCity], since: datetime | None, until: datetime
) -> Iterator[dict[str, Any]]:
    """Yield a row for each day of each city, from that of *since* to the one that has the time before *until*.

    Its values have the types of :data:`DAY_COLUMNS`.
    """
    for city in cities:
        first = since.astimezone(city.zone).date() if since else _BEGIN
        last = (until - timedelta(microseconds=1)).astimezone(city.zone).date()
        for day in reader.read_days(city.id, city.zone, first, last + timedelta(days=1)):
            times = {name: getattr(day, field) for name, field in _TIMES.items()}
            row = day._asdict() | {"city": city.id, "name": city.name}
            row |= {name: None if at is None else to_datetime(at) for name, at in times.items()}
            row |= {name: value and round(value, 3) for name in ("mean", "rain", "hours") for value in (row[name],)}
            yield {name: row[name] for name in DAY_COLUMNS}


def format_day_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a day with its date and times as texts."""
    times = {name: row[name] and format_rfc3339(row[name]) for name in _TIMES}
    return {**row, **times, "date": row["date"].isoformat()}
