"""The conversion of days to the models of the API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from weatherd.formatting import format_rfc3339
from weatherd.journal.days.calendar import SECOND_MICROS, find_midnight, name_zone
from weatherd.journal.days.periods import DEFAULT_LENGTHS, find_calendar_part, split_days
from weatherd.journal.days.records import find_extremes, find_records
from weatherd.web.days.models import DaysModel, PeriodModel, RecordModel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from weatherd.journal.days.periods import Period
    from weatherd.journal.days.records import Record
    from weatherd.journal.days.summary import Day
    from weatherd.web.days.query import DaysQuery

BEGIN = date(1900, 1, 1)  # no observation is older


def serialize_days(city: str, zone: tzinfo, days: Sequence[Day], query: DaysQuery, tomorrow: date) -> DaysModel:
    """Return the model of all days of a city, in order, of which the parts in *query* are listed."""
    until = max(BEGIN, min(query.until or tomorrow, tomorrow))
    since = query.since or (until - DEFAULT_LENGTHS[query.by] if query.by in DEFAULT_LENGTHS else BEGIN)
    since = find_calendar_part(max(BEGIN, min(since, tomorrow)), query.by)[0]
    if days:
        since = max(since, find_calendar_part(days[0].date, query.by)[0])
    return DaysModel(
        city=city,
        timezone=name_zone(zone),
        by=query.by,
        today=serialize_period(next(split_days(days, "day", tomorrow - timedelta(days=1), tomorrow)), zone),
        parts=[serialize_period(period, zone) for period in split_days(days, query.by, since, until)],
        records=[serialize_record(record) for record in find_records(days)],
        extremes=[serialize_record(record) for record in find_extremes(days)],
    )


def serialize_period(period: Period, zone: tzinfo) -> PeriodModel:
    """Return the model of a part of the calendar in a time zone; computed numbers are rounded."""
    return PeriodModel(
        begin=_format_time(find_midnight(period.begin, zone)),
        end=_format_time(find_midnight(period.end, zone)),
        days=period.days,
        complete_days=period.complete_days,
        count=period.observations,
        low=period.low,
        low_at=_format_time_or_none(period.low_at),
        mean=_round(period.mean),
        high=period.high,
        high_at=_format_time_or_none(period.high_at),
        rain=_round(period.rain),
        gust=period.gust,
        hours=round(period.hours, 3),
        frost_days=period.frost_days,
        degree_days=_round(period.degree_days),
        first=_format_time_or_none(period.first_at),
        last=_format_time_or_none(period.last_at),
        providers=list(period.providers),
    )


def serialize_record(record: Record) -> RecordModel:
    """Return the model of a record."""
    return RecordModel(
        kind=record.kind,
        value=round(record.value, 3),
        date=record.day.isoformat(),
        since=record.since.isoformat() if record.since else None,
        first=record.first.isoformat(),
        hours=round(record.hours, 3),
        incomplete=record.incomplete,
    )


def _format_time(micros: int) -> str:
    return format_rfc3339(datetime.fromtimestamp(micros / SECOND_MICROS, UTC))


def _format_time_or_none(micros: int | None) -> str | None:
    return None if micros is None else _format_time(micros)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
