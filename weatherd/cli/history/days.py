"""A city's history by days, weeks, months or years, read from the days that the journal keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from weatherd.cli.lookup import find_recorded_city, parse_time_range
from weatherd.journal.days.calendar import SECOND_MICROS, find_midnight
from weatherd.journal.days.periods import DEFAULT_LENGTHS, find_calendar_part, split_days, summarize_period
from weatherd.journal.days.records import find_extremes, find_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.cli.history.query import TimeRange
    from weatherd.cli.history.sources import HistorySource
    from weatherd.cli.lookup import RecordedCity
    from weatherd.config.loader import Configuration
    from weatherd.journal.days.periods import DayPart, Period
    from weatherd.journal.days.records import Record

_BEGIN = date(1900, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DayHistory:
    """A city's history in the parts of the calendar in ``[since, until)``, also those without observations."""

    city: RecordedCity
    since: datetime
    until: datetime
    part: DayPart
    whole: Period
    periods: Sequence[Period]
    records: Sequence[Record]  # of the last day, among all days before it
    extremes: Sequence[Record]  # of all days


def read_day_history(
    configuration: Configuration, reader: HistorySource, name: str, times: TimeRange, *, part: DayPart, now: datetime
) -> DayHistory:
    """Read the history of the city with this name or id. Its first part and its last day are whole, except for today.

    Raises ArgumentError for an unknown city, and typer.BadParameter for times that are no range.
    """
    city = find_recorded_city(configuration, name, reader)
    since, until = parse_time_range(times.since, times.until, now, city.zone)
    last = (until - timedelta(microseconds=1)).astimezone(city.zone).date()
    first = (
        since.astimezone(city.zone).date()
        if since
        else last - DEFAULT_LENGTHS[part]
        if part in DEFAULT_LENGTHS
        else _BEGIN
    )
    begin, end = find_calendar_part(first, part)[0], last + timedelta(days=1)
    history = reader.read_days(city.id, city.zone, _BEGIN, end)
    if begin <= _BEGIN:
        begin = find_calendar_part(history[0].date if history else last, part)[0]
    days = [day for day in history if day.date >= begin]
    return DayHistory(
        city,
        to_datetime(find_midnight(begin, city.zone)),
        max(until, min(now, to_datetime(find_midnight(end, city.zone)))),
        part,
        summarize_period(days, begin, end),
        list(split_days(days, part, begin, end)),
        find_records(history) if days else [],
        find_extremes(history) if days else [],
    )


def to_datetime(micros: int) -> datetime:
    """Return a time in POSIX microseconds as a datetime in UTC."""
    return _EPOCH + timedelta(seconds=micros // SECOND_MICROS, microseconds=micros % SECOND_MICROS)
